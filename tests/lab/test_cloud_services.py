"""The lab's Security Hub, EventBridge and parameter store, judged by boto3 and botocore's service models; and what stands
under /lab."""

import json
import urllib.error
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from botocore.exceptions import ClientError
from cloud_judge import ACCOUNT, KEY, REGION, SECRET

FALCON = f"arn:aws:securityhub:{REGION}:517716713836:product/crowdstrike/crowdstrike-falcon"
OWN = f"arn:aws:securityhub:{REGION}:{ACCOUNT}:product/{ACCOUNT}/default"
ACTION = f"arn:aws:securityhub:{REGION}:{ACCOUNT}:action/custom/intelwallblock"


def finding(identifier, **more):
    return {
        "SchemaVersion": "2018-10-08", "Id": identifier, "ProductArn": FALCON, "GeneratorId": "falcon",
        "AwsAccountId": ACCOUNT, "CreatedAt": "2026-11-24T10:00:00.000Z", "UpdatedAt": "2026-11-24T10:00:00.000Z",
        "Title": "Falcon Alert", "Description": "A workload talked to a bad domain",
        "FindingProviderFields": {"Severity": {"Label": "HIGH"}, "Types": ["TTPs/Command and Control"]},
        "ProductFields": {"crowdstrike/crowdstrike-falcon/IOCType": "domain",
                          "crowdstrike/crowdstrike-falcon/IOCValue": "badcdn.example"},
        "Resources": [{"Type": "AwsEc2Instance", "Id": "i-0123456789abcdef0"}], **more,
    }  # fmt: skip


@pytest.fixture(scope="module")
def hub(cloud):
    return cloud.client("securityhub")


@pytest.fixture(scope="module")
def events(cloud):
    return cloud.client("events")


def refused(name, call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == name, caught.value
    return caught.value.response["Error"]["Message"]


def lab(cloud, method, path, body=None, service="lab", sign=True):
    data = None if body is None else json.dumps(body).encode()
    request = botocore.awsrequest.AWSRequest(
        method, cloud.url + path, data=data, headers={"Content-Type": "application/json"})  # fmt: skip
    if sign:
        botocore.auth.SigV4Auth(botocore.credentials.Credentials(KEY, SECRET), service, REGION).add_auth(request)
    prepared = urllib.request.Request(cloud.url + path, data, dict(request.headers.items()), method=method)
    try:
        with urllib.request.urlopen(prepared) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as answer:
        return answer.code, json.loads(answer.read())


def by_id(hub, *identifiers, comparison="EQUALS"):
    filters = {"Id": [{"Value": i, "Comparison": comparison} for i in identifiers]}
    return hub.get_findings(Filters=filters)["Findings"]


def test_import_and_get(hub):
    assert hub.batch_import_findings(Findings=[finding("get-1"), finding("get-2")])["SuccessCount"] == 2
    (found,) = by_id(hub, "get-1")
    for key, value in finding("get-1").items():
        assert found[key] == value
    assert found["Workflow"] == {"Status": "NEW"} and found["RecordState"] == "ACTIVE"
    assert found["Severity"]["Label"] == "HIGH" and found["ProductName"] == "crowdstrike-falcon"
    assert {f["Id"] for f in by_id(hub, "get-", comparison="PREFIX")} == {"get-1", "get-2"}
    assert len(by_id(hub, "get-1", "get-2")) == 2
    filters = {"Id": [{"Value": "get-", "Comparison": "PREFIX"}], "ProductArn": [{"Value": OWN, "Comparison": "EQUALS"}]}
    assert hub.get_findings(Filters=filters)["Findings"] == []
    pages = hub.get_paginator("get_findings").paginate(PaginationConfig={"PageSize": 1})
    assert [len(page["Findings"]) for page in pages][:2] == [1, 1]


def test_a_product_imports_only_while_it_is_enabled(hub):
    (subscription,) = [arn for arn in hub.list_enabled_products_for_import()["ProductSubscriptions"] if "crowdstrike" in arn]
    assert subscription == f"arn:aws:securityhub:{REGION}:{ACCOUNT}:product-subscription/crowdstrike/crowdstrike-falcon"
    pages = hub.get_paginator("list_enabled_products_for_import").paginate(PaginationConfig={"PageSize": 1})
    assert subscription in [arn for page in pages for arn in page["ProductSubscriptions"]]
    refused("ResourceConflictException", hub.enable_import_findings_for_product, ProductArn=FALCON)
    hub.disable_import_findings_for_product(ProductSubscriptionArn=subscription)
    try:
        assert subscription not in hub.list_enabled_products_for_import()["ProductSubscriptions"]
        refused("ResourceNotFoundException", hub.disable_import_findings_for_product, ProductSubscriptionArn=subscription)
        done = hub.batch_import_findings(Findings=[finding("without-subscription")])
        assert done["SuccessCount"] == 0 and "not enabled" in done["FailedFindings"][0]["ErrorMessage"]
    finally:
        assert hub.enable_import_findings_for_product(ProductArn=FALCON)["ProductSubscriptionArn"] == subscription
    assert hub.batch_import_findings(Findings=[finding("with-subscription")])["SuccessCount"] == 1
    refused("InvalidInputException", hub.enable_import_findings_for_product, ProductArn=FALCON + "-other")


def test_an_import_updates_only_when_newer_and_keeps_what_people_wrote(hub):
    hub.batch_import_findings(Findings=[finding("update")])
    key = {"Id": "update", "ProductArn": FALCON}
    done = hub.batch_update_findings(
        FindingIdentifiers=[key, {"Id": "missing", "ProductArn": FALCON}],
        Note={"Text": "blocked", "UpdatedBy": "intelwall"}, Workflow={"Status": "RESOLVED"})  # fmt: skip
    assert done["ProcessedFindings"] == [key]
    assert [u["FindingIdentifier"]["Id"] for u in done["UnprocessedFindings"]] == ["missing"]
    same = hub.batch_import_findings(Findings=[finding("update", Title="same time")])
    assert same["FailedCount"] == 1 and "UpdatedAt" in same["FailedFindings"][0]["ErrorMessage"]
    newer = finding("update", Title="newer", UpdatedAt="2026-11-24T10:00:00.001Z", Workflow={"Status": "NEW"})
    assert hub.batch_import_findings(Findings=[newer])["SuccessCount"] == 1
    (found,) = by_id(hub, "update")
    assert found["Title"] == "newer" and found["Note"]["Text"] == "blocked"
    assert found["Workflow"]["Status"] == "RESOLVED"
    refused("InvalidInputException", hub.batch_update_findings, FindingIdentifiers=[key],
            Note={"Text": "x" * 513, "UpdatedBy": "a"})  # fmt: skip


@pytest.mark.parametrize("change, word", [
    ({"Title": "t" * 257}, "data.Title"),
    ({"Description": ""}, "data.Description"),
    ({"SchemaVersion": "2020"}, "data.SchemaVersion"),
    ({"CreatedAt": "yesterday"}, "date-time"),
    ({"AwsAccountId": "123456789012"}, "AwsAccountId"),
    ({"ProductArn": OWN.replace("default", "other")}, "not enabled"),
    ({"Resources": []}, "data.Resources"),
    ({"ThreatIntelIndicators": [{"Type": "DOMAIN", "Value": "a.com"}] * 6}, "ThreatIntelIndicators"),
    ({"ProductFields": {"k": "v" * 2049}}, "data.ProductFields.k"),
    ({"ProductFields": {str(i): "v" for i in range(51)}}, "data.ProductFields"),
    ({"Malware": [{"Name": "m"}] * 6}, "data.Malware"),
    ({"Remediation": {"Recommendation": {"Text": "r" * 250_000}}}, "245760"),
])  # fmt: skip
def test_findings_that_are_refused_do_not_stop_the_others(hub, change, word):
    name = "refused-" + word
    answer = hub.batch_import_findings(Findings=[finding(name, **change), finding("beside")]) if word != "" else None
    failed = answer["FailedFindings"]
    assert answer["FailedCount"] == len(failed) >= 1
    assert failed[0]["Id"] == name and word in failed[0]["ErrorMessage"]
    assert by_id(hub, name) == [] and len(by_id(hub, "beside")) == 1


def test_findings_that_boto3_would_not_send(cloud):
    bare = finding("bare")
    for missing in ("Title", "Resources", "GeneratorId", "UpdatedAt", "ProductArn", "Id"):
        broken = {k: v for k, v in bare.items() if k != missing}
        status, answer = lab(cloud, "POST", "/findings/import", {"Findings": [broken]}, "securityhub")
        assert status == 200 and answer["FailedCount"] == 1
        assert f"data.{missing} is a required property" in answer["FailedFindings"][0]["ErrorMessage"]
    status, answer = lab(cloud, "POST", "/findings/import", {"Findings": [{**bare, "Domain": "x"}]}, "securityhub")
    assert "data.Domain" in answer["FailedFindings"][0]["ErrorMessage"]
    for body in ({}, {"Findings": []}, {"Findings": [bare] * 101}):
        status, answer = lab(cloud, "POST", "/findings/import", body, "securityhub")
        assert (status, answer["Code"]) == (400, "InvalidInputException")
    status, answer = lab(cloud, "POST", "/findings/import", {"Findings": ["text"]}, "securityhub")
    assert (status, answer["Code"]) == (400, "SerializationException")
    status, answer = lab(cloud, "GET", "/findings", None, "securityhub")
    assert (status, answer["__type"]) == (404, "UnknownOperationException")


def test_filters_that_the_lab_does_not_have_are_refused(hub):
    refused("InvalidInputException", hub.get_findings,
            Filters={"Confidence": [{"Gte": 5}]})  # fmt: skip
    refused("InvalidInputException", hub.get_findings,
            Filters={"Id": [{"Value": str(i), "Comparison": "EQUALS"} for i in range(21)]})  # fmt: skip


def test_action_targets(hub):
    arn = hub.create_action_target(Name="hunt it", Description="d", Id="huntit1")["ActionTargetArn"]
    refused("ResourceConflictException", hub.create_action_target, Name="x", Description="d", Id="huntit1")
    for bad in ("with-dash", "x" * 21):
        refused("InvalidInputException", hub.create_action_target, Name="x", Description="d", Id=bad)
    refused("InvalidInputException", hub.create_action_target, Name="x" * 21, Description="d", Id="x")
    hub.update_action_target(ActionTargetArn=arn, Name="hunt that")
    (found,) = hub.describe_action_targets(ActionTargetArns=[arn])["ActionTargets"]
    assert found == {"ActionTargetArn": arn, "Name": "hunt that", "Description": "d"}
    assert len(hub.describe_action_targets()["ActionTargets"]) == 6  # five are seeded
    assert hub.delete_action_target(ActionTargetArn=arn)["ActionTargetArn"] == arn
    refused("ResourceNotFoundException", hub.delete_action_target, ActionTargetArn=arn)
    refused("ResourceNotFoundException", hub.describe_action_targets, ActionTargetArns=[arn])


@pytest.mark.parametrize("action", ["intelwallblock", "intelwall block", ACTION])
def test_press_goes_through_event_bridge_to_the_function(cloud, hub, action):
    hub.batch_import_findings(Findings=[finding("press-1"), finding("press-2", ProductArn=OWN)])
    status, answer = lab(cloud, "POST", "/lab/press", {"action": action, "findings": ["press-1", "press-2"]})
    assert status == 200
    event = answer["event"]
    assert set(event) == {"version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"}
    assert event["detail-type"] == "Security Hub Findings - Custom Action" and event["source"] == "aws.securityhub"
    assert event["resources"] == [ACTION] and event["account"] == ACCOUNT and event["version"] == "0"
    assert set(event["detail"]) == {"actionName", "actionDescription", "findings"}
    assert [f["Id"] for f in event["detail"]["findings"]] == ["press-1", "press-2"]
    (invocation,) = answer["invocations"]
    assert invocation["function"] == "intelwall-respond" and invocation["rule"] == "intelwall-respond"
    assert invocation["answer"] == event  # judge_cloud's function gives back what it was given


def test_press_of_what_is_not_there_sends_nothing(cloud, hub):
    hub.batch_import_findings(Findings=[finding("press-3")])
    for body in ({"action": "other", "findings": ["press-3"]}, {"action": ACTION, "findings": ["press-3", "missing"]}):
        status, answer = lab(cloud, "POST", "/lab/press", body)
        assert (status, answer["__type"]) == (404, "ResourceNotFoundException")
    for body in ({}, {"action": ACTION}, {"action": ACTION, "findings": []}, {"action": 1, "findings": ["x"]}):
        status, answer = lab(cloud, "POST", "/lab/press", body)
        assert status == 400 and answer["message"]
    status, answer = lab(cloud, "POST", "/lab/press", {"action": ACTION, "findings": ["press-3"]}, sign=False)
    assert status == 403
    status, answer = lab(cloud, "POST", "/lab/press", {"action": ACTION, "findings": ["press-3"]}, "securityhub")
    assert status == 403


def test_rules_and_targets(cloud, hub, events):
    hub.batch_import_findings(Findings=[finding("rules")])
    pattern = {"source": ["aws.securityhub"], "detail": {"findings": {"ProductArn": [{"prefix": FALCON}]}}}
    events.put_rule(Name="second", EventPattern=json.dumps(pattern), Description="d")
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:fails:live"
    assert events.put_targets(Rule="second", Targets=[{"Id": "t", "Arn": arn}])["FailedEntryCount"] == 0
    status, answer = lab(cloud, "POST", "/lab/press", {"action": ACTION, "findings": ["rules"]})
    assert [(i["function"], "error" in i) for i in answer["invocations"]] == [("intelwall-respond", False), ("fails", True)]
    events.put_rule(Name="second", EventPattern=json.dumps(pattern), State="DISABLED")
    status, answer = lab(cloud, "POST", "/lab/press", {"action": ACTION, "findings": ["rules"]})
    assert [i["function"] for i in answer["invocations"]] == ["intelwall-respond"]

    assert json.loads(events.describe_rule(Name="second")["EventPattern"]) == pattern
    assert [r["Name"] for r in events.list_rules(NamePrefix="sec")["Rules"]] == ["second"]
    assert events.list_targets_by_rule(Rule="second")["Targets"] == [{"Id": "t", "Arn": arn}]
    with pytest.raises(ClientError, match="has targets"):
        events.delete_rule(Name="second")
    gone = events.remove_targets(Rule="second", Ids=["t", "u"])
    assert gone["FailedEntryCount"] == 1 and gone["FailedEntries"][0]["TargetId"] == "u"
    events.delete_rule(Name="second")
    refused("ResourceNotFoundException", events.describe_rule, Name="second")
    refused("ResourceNotFoundException", events.put_targets, Rule="second", Targets=[{"Id": "t", "Arn": arn}])


@pytest.mark.parametrize("pattern", ["{", "[]", "{}", '{"a":1}', '{"a":[]}', '{"a":[{"wildcard":"x*"}]}', '{"a":[["b"]]}',
                                     '{"a":[{"prefix":1}]}', '{"a":[{"numeric":[">"]}]}', '{"a":[{"exists":"x"}]}'])  # fmt: skip
def test_patterns_that_are_refused(events, pattern):
    refused("InvalidEventPatternException", events.put_rule, Name="bad", EventPattern=pattern)
    refused("ResourceNotFoundException", events.describe_rule, Name="bad")


def test_put_events(events):
    answer = events.put_events(Entries=[
        {"Source": "my.app", "DetailType": "t", "Detail": '{"a":1}'},
        {"Source": "aws.securityhub", "DetailType": "t", "Detail": "{}"},
        {"Source": "my.app", "DetailType": "t", "Detail": "text"},
        {"Source": "my.app", "Detail": "{}"}])  # fmt: skip
    assert answer["FailedEntryCount"] == 3
    assert [e.get("ErrorCode") for e in answer["Entries"]] == [
        None, "NotAuthorizedForSourceException", "MalformedDetail", "InvalidArgument"]  # fmt: skip


def test_parameters(cloud):
    ssm = cloud.client("ssm")
    assert ssm.put_parameter(Name="/lab/allow", Value="a.com", Type="String")["Version"] == 1
    refused("ParameterAlreadyExists", ssm.put_parameter, Name="/lab/allow", Value="b", Type="String")
    assert ssm.put_parameter(Name="/lab/allow", Value="b.com", Overwrite=True)["Version"] == 2
    assert ssm.get_parameter(Name="/lab/allow")["Parameter"]["Value"] == "b.com"
    assert ssm.get_parameter(Name="/lab/allow:1")["Parameter"]["Value"] == "a.com"
    refused("ParameterVersionNotFound", ssm.get_parameter, Name="/lab/allow:3")
    refused("ParameterNotFound", ssm.get_parameter, Name="/lab/deny")
    many = ssm.get_parameters(Names=["/lab/allow", "/lab/deny"])
    assert [p["Name"] for p in many["Parameters"]] == ["/lab/allow"] and many["InvalidParameters"] == ["/lab/deny"]
    refused("ValidationException", ssm.put_parameter, Name="/lab/big", Value="x" * 4097, Type="String")
    assert ssm.put_parameter(Name="/lab/big", Value="x" * 8192, Type="String", Tier="Advanced")["Tier"] == "Advanced"
    refused("ValidationException", ssm.put_parameter, Name="/lab/new", Value="x")
    refused("UnsupportedParameterType", ssm.put_parameter, Name="/lab/s", Value="x", Type="SecureString")
    for version in range(3, 150):
        assert ssm.put_parameter(Name="/lab/allow", Value=str(version), Overwrite=True)["Version"] == version
    assert ssm.get_parameter(Name="/lab/allow:149")["Parameter"]["Value"] == "149"
    refused("ParameterVersionNotFound", ssm.get_parameter, Name="/lab/allow:2")


@pytest.mark.parametrize("error", ["InvalidTokenException", "ThrottlingException", "InternalServerError"])
def test_faults(cloud, error):
    firewall = cloud.client("network-firewall")
    assert lab(cloud, "POST", "/lab/faults", {"operation": "ListFirewalls", "error": error, "times": 2}) == (200, {})
    for _ in range(2):
        with pytest.raises((ClientError, AssertionError), match=error):  # the model has no InvalidTokenException here
            firewall.list_firewalls()
    assert firewall.list_firewalls()["Firewalls"]


def test_a_dropped_answer_acted_and_a_dropped_call_did_not(cloud):
    ssm = cloud.client("ssm")
    for error, acted in (("drop", True), ("drop_before", False)):
        lab(cloud, "POST", "/lab/faults", {"operation": "PutParameter", "error": error, "times": 1})
        with pytest.raises(Exception) as caught:
            ssm.put_parameter(Name=f"/dropped/{error}", Value="x", Type="String")
        assert not isinstance(caught.value, ClientError)
        assert bool(ssm.get_parameters(Names=[f"/dropped/{error}"])["Parameters"]) == acted


def test_health(cloud):
    status, answer = lab(cloud, "GET", "/lab/health")
    assert status == 200 and answer["data_plane"]["state"] == "absent" and answer["data_plane"]["detail"]
    assert answer["requests"]["BatchImportFindings"] > 0
    assert answer["faults"] == {}
