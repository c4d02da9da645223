"""The lab's Network Firewall, judged by boto3, the AWS CLI and botocore's service models."""

import datetime
import json
import pathlib
import subprocess
import sys
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from botocore.exceptions import ClientError
from cloud_judge import ACCOUNT, KEY, REGION, SECRET

RULE = 'drop tls $HOME_NET any -> $EXTERNAL_NET any (msg:"m"; tls.sni; content:"evil{0}.com"; nocase; sid:{0}; rev:1;)'


def rules(count, first=1):
    return "\n".join(RULE.format(i) for i in range(first, first + count))


def strict(text, **more):
    return {"RulesSource": {"RulesString": text}, "StatefulRuleOptions": {"RuleOrder": "STRICT_ORDER"}, **more}


@pytest.fixture(scope="module", params=["json", "smithy-rpc-v2-cbor"])
def firewall(cloud, request):
    return cloud.client("network-firewall", protocol=request.param)


@pytest.fixture
def group(firewall):
    """A rule group of 100 with one rule, gone afterwards."""
    name = "group-" + datetime.datetime.now().strftime("%H%M%S%f")
    created = firewall.create_rule_group(
        RuleGroupName=name, Type="STATEFUL", Capacity=100, RuleGroup=strict(rules(1)), Description="a group",
        Tags=[{"Key": "owner", "Value": "judge"}])  # fmt: skip
    arn = created["RuleGroupResponse"]["RuleGroupArn"]
    yield arn
    policy = firewall.describe_firewall_policy(FirewallPolicyName="lab-policy")
    document = policy["FirewallPolicy"]
    references = document.get("StatefulRuleGroupReferences", [])
    if any(r["ResourceArn"] == arn for r in references):
        document["StatefulRuleGroupReferences"] = [r for r in references if r["ResourceArn"] != arn]
        firewall.update_firewall_policy(
            FirewallPolicyName="lab-policy", UpdateToken=policy["UpdateToken"], FirewallPolicy=document)  # fmt: skip
    firewall.delete_rule_group(RuleGroupArn=arn)


def refused(name, call, *words, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    assert error["Code"] == name, error
    for word in words:
        assert word in error["Message"], error
    return error["Message"]


def refer(firewall, arn, priority=100, **more):
    policy = firewall.describe_firewall_policy(FirewallPolicyName="lab-policy")
    document = policy["FirewallPolicy"]
    document.setdefault("StatefulRuleGroupReferences", []).append({"ResourceArn": arn, "Priority": priority, **more})
    return firewall.update_firewall_policy(
        FirewallPolicyName="lab-policy", UpdateToken=policy["UpdateToken"], FirewallPolicy=document)  # fmt: skip


def test_the_seed(firewall):
    described = firewall.describe_firewall(FirewallName="lab")
    assert described["FirewallStatus"]["ConfigurationSyncStateSummary"] == "IN_SYNC"
    assert set(described["FirewallStatus"]["SyncStates"]) == {"us-east-1a", "us-east-1b"}
    policy = firewall.describe_firewall_policy(FirewallPolicyArn=described["Firewall"]["FirewallPolicyArn"])
    assert policy["FirewallPolicy"]["StatefulEngineOptions"]["RuleOrder"] == "STRICT_ORDER"
    home = policy["FirewallPolicy"]["PolicyVariables"]["RuleVariables"]["HOME_NET"]["Definition"]
    assert home == ["10.94.0.0/24"]
    assert policy["FirewallPolicyResponse"]["NumberOfAssociations"] == 1
    logging = firewall.describe_logging_configuration(FirewallName="lab")["LoggingConfiguration"]
    assert logging["LogDestinationConfigs"][0]["LogType"] == "ALERT"


def test_create_and_describe(firewall, group):
    described = firewall.describe_rule_group(RuleGroupArn=group)
    response = described["RuleGroupResponse"]
    assert response["Capacity"] == 100 and response["ConsumedCapacity"] == 1
    assert response["NumberOfAssociations"] == 0 and response["Description"] == "a group"
    assert response["Tags"] == [{"Key": "owner", "Value": "judge"}]
    assert isinstance(response["LastModifiedTime"], datetime.datetime)
    assert described["RuleGroup"] == strict(rules(1))
    by_name = firewall.describe_rule_group(RuleGroupName=response["RuleGroupName"], Type="STATEFUL")
    assert by_name["UpdateToken"] == described["UpdateToken"]
    metadata = firewall.describe_rule_group_metadata(RuleGroupArn=group)
    assert metadata["StatefulRuleOptions"]["RuleOrder"] == "STRICT_ORDER"
    assert {"Name": response["RuleGroupName"], "Arn": group} in firewall.list_rule_groups()["RuleGroups"]
    assert firewall.list_rule_groups(Scope="MANAGED")["RuleGroups"] == []


def test_update_gives_a_new_token_and_a_stale_one_is_refused(firewall, group):
    first = firewall.describe_rule_group(RuleGroupArn=group)["UpdateToken"]
    second = firewall.update_rule_group(RuleGroupArn=group, UpdateToken=first, RuleGroup=strict(rules(2)))
    assert second["UpdateToken"] != first
    assert second["RuleGroupResponse"]["ConsumedCapacity"] == 2
    refused("InvalidTokenException", firewall.update_rule_group,
            RuleGroupArn=group, UpdateToken=first, RuleGroup=strict(rules(3)))  # fmt: skip
    after = firewall.describe_rule_group(RuleGroupArn=group)
    assert after["RuleGroup"] == strict(rules(2)) and after["UpdateToken"] == second["UpdateToken"]
    assert after["RuleGroupResponse"]["Description"] == "a group"


def test_dry_run_changes_nothing(firewall, group):
    before = firewall.describe_rule_group(RuleGroupArn=group)
    would = firewall.update_rule_group(
        RuleGroupArn=group, UpdateToken=before["UpdateToken"], RuleGroup=strict(rules(7)), DryRun=True)  # fmt: skip
    assert would["RuleGroupResponse"]["ConsumedCapacity"] == 7
    after = firewall.describe_rule_group(RuleGroupArn=group)
    assert after["UpdateToken"] == before["UpdateToken"] and after["RuleGroup"] == before["RuleGroup"]
    needed = firewall.create_rule_group(
        RuleGroupName="dry", Type="STATEFUL", Capacity=1, RuleGroup=strict(rules(50)), DryRun=True)  # fmt: skip
    assert needed["RuleGroupResponse"]["ConsumedCapacity"] == 50
    refused("ResourceNotFoundException", firewall.describe_rule_group, RuleGroupName="dry", Type="STATEFUL")


def test_capacity(firewall, group):
    token = firewall.describe_rule_group(RuleGroupArn=group)["UpdateToken"]
    refused("InvalidRequestException", firewall.update_rule_group, "StatefulRules capacity exceeded",
            RuleGroupArn=group, UpdateToken=token, RuleGroup=strict(rules(101)))  # fmt: skip
    for capacity in (0, -1, 30001):
        refused("InvalidRequestException", firewall.create_rule_group, "Capacity",
                RuleGroupName="c", Type="STATEFUL", Capacity=capacity, RuleGroup=strict(rules(1)))  # fmt: skip
    targets = {"Targets": ["a.com", ".b.com", "c.com"], "TargetTypes": ["TLS_SNI", "HTTP_HOST"],
               "GeneratedRulesType": "DENYLIST"}  # fmt: skip
    body = {"RulesSource": {"RulesSourceList": targets}, "StatefulRuleOptions": {"RuleOrder": "STRICT_ORDER"}}
    listed = firewall.update_rule_group(RuleGroupArn=group, UpdateToken=token, RuleGroup=body)
    assert listed["RuleGroupResponse"]["ConsumedCapacity"] == 3 * 2 + 2


@pytest.mark.parametrize("target", ["*.evil.com", "evil.com:443", "a..b", "", "evil.com/", "evil com", 'e";sid:1'])
def test_domain_lists_take_names_only(firewall, target):
    targets = {"Targets": [target], "TargetTypes": ["TLS_SNI"], "GeneratedRulesType": "DENYLIST"}
    refused("InvalidRequestException", firewall.create_rule_group, "Targets",
            RuleGroupName="d", Type="STATEFUL", Capacity=9, RuleGroup={"RulesSource": {"RulesSourceList": targets}})  # fmt: skip


def test_stateful_rules(firewall):
    rule = {
        "Action": "DROP",
        "Header": {"Protocol": "TLS", "Source": "$HOME_NET", "SourcePort": "ANY", "Direction": "FORWARD",
                   "Destination": "$EXTERNAL_NET", "DestinationPort": "443"},
        "RuleOptions": [{"Keyword": "tls.sni"}, {"Keyword": "content", "Settings": ['"evil.com"']},
                        {"Keyword": "msg", "Settings": ['"blocked"']},
                        {"Keyword": "metadata", "Settings": ["iw_id abc", "k v"]},
                        {"Keyword": "sid", "Settings": ["5"]}],
    }  # fmt: skip
    body = {"RulesSource": {"StatefulRules": [rule]}}
    created = firewall.create_rule_group(
        RuleGroupName="five-tuple", Type="STATEFUL", Capacity=5, RuleGroup=body,
        SummaryConfiguration={"RuleOptions": ["SID", "MSG", "METADATA"]})  # fmt: skip
    assert created["RuleGroupResponse"]["ConsumedCapacity"] == 1
    summary = firewall.describe_rule_group_summary(RuleGroupName="five-tuple", Type="STATEFUL")
    assert summary["Summary"]["RuleSummaries"] == [{"SID": "5", "Msg": "blocked", "Metadata": "iw_id abc,k v"}]
    firewall.delete_rule_group(RuleGroupName="five-tuple", Type="STATEFUL")
    rule["RuleOptions"].pop()
    refused("InvalidRequestException", firewall.create_rule_group, "sid",
            RuleGroupName="no-sid", Type="STATEFUL", Capacity=5, RuleGroup=body)  # fmt: skip


def test_rules_or_rule_group(firewall, group):
    token = firewall.describe_rule_group(RuleGroupArn=group)["UpdateToken"]
    refused("InvalidRequestException", firewall.update_rule_group, "parameter is invalid", "Rules",
            RuleGroupArn=group, UpdateToken=token, Rules=rules(1))  # fmt: skip
    refused("InvalidRequestException", firewall.update_rule_group, "Exactly one of Rules or RuleGroup must be set",
            RuleGroupArn=group, UpdateToken=token, Description="only that")  # fmt: skip
    refused("InvalidRequestException", firewall.update_rule_group, "RuleOrder can not be changed",
            RuleGroupArn=group, UpdateToken=token, RuleGroup={"RulesSource": {"RulesString": rules(1)}})  # fmt: skip
    created = firewall.create_rule_group(RuleGroupName="plain", Type="STATEFUL", Capacity=5, Rules=rules(2))
    described = firewall.describe_rule_group(RuleGroupName="plain", Type="STATEFUL")
    assert described["RuleGroup"]["RulesSource"]["RulesString"] == rules(2)
    refused("InvalidRequestException", refer, "rule order", firewall=firewall,
            arn=created["RuleGroupResponse"]["RuleGroupArn"])  # fmt: skip
    firewall.delete_rule_group(RuleGroupName="plain", Type="STATEFUL")


@pytest.mark.parametrize("rule, reason", [
    ('drop tls any any -> any any (dataset:isset,x; sid:1;)', "dataset"),
    ('drop tls any any -> any any (lua:x.lua; sid:1;)', "lua"),
    ('drop ip any any -> any any (iprep:src,x,>,1; sid:1;)', "iprep"),
    ('drop tls any any -> any any (threshold:type limit,track by_src,count 1,seconds 1; sid:1;)', "threshold"),
    ('drop tls any any -> any any (pcre:"/x/"; sid:1;)', "pcre"),
    ('drop tls any any -> any any (content:"x"; priority:1; sid:1;)', "priority"),
    ('drop tls any any -> any any (content:"x";)', "sid"),
    ('drop tls $NOWHERE any -> any any (content:"x"; sid:1;)', "NOWHERE"),
    ('reject quic any any -> any any (sid:1;)', "quic"),
    ('block tls any any -> any any (sid:1;)', "block"),
    ('drop tls any any -> any any (contant:"x"; sid:1;)', "contant"),
    (rules(1) + "\n" + rules(1), "twice"),
    ("garbage", "form"),
])  # fmt: skip
def test_rules_that_aws_refuses(firewall, group, rule, reason):
    before = firewall.describe_rule_group(RuleGroupArn=group)
    refused("InvalidRequestException", firewall.update_rule_group, "line", reason,
            RuleGroupArn=group, UpdateToken=before["UpdateToken"], RuleGroup=strict(rule))  # fmt: skip
    assert firewall.describe_rule_group(RuleGroupArn=group)["UpdateToken"] == before["UpdateToken"]


def test_references(firewall, group):
    refer(firewall, group, 100)
    described = firewall.describe_rule_group(RuleGroupArn=group)
    assert described["RuleGroupResponse"]["NumberOfAssociations"] == 1
    refused("InvalidOperationException", firewall.delete_rule_group, "still in use", RuleGroupArn=group)
    state = firewall.describe_firewall(FirewallName="lab")["FirewallStatus"]["SyncStates"]
    for zone in state.values():
        assert zone["Config"][group] == {"SyncStatus": "IN_SYNC", "UpdateToken": described["UpdateToken"]}
    policy = firewall.describe_firewall_policy(FirewallPolicyName="lab-policy")
    assert policy["FirewallPolicyResponse"]["ConsumedStatefulRuleCapacity"] == 100
    refused("InvalidRequestException", refer, "twice", firewall=firewall, arn=group, priority=7)


def test_policy_documents_that_aws_refuses(firewall, group):
    policy = firewall.describe_firewall_policy(FirewallPolicyName="lab-policy")

    def attempt(change):
        document = json.loads(json.dumps(policy["FirewallPolicy"]))
        change(document)
        return dict(FirewallPolicyName="lab-policy", UpdateToken=policy["UpdateToken"], FirewallPolicy=document)

    def references(*list_of):
        return lambda d: d.update(StatefulRuleGroupReferences=list(list_of))

    managed = f"arn:aws:network-firewall:{REGION}:aws-managed:stateful-rulegroup/MalwareDomainsStrictOrder"
    missing = f"arn:aws:network-firewall:{REGION}:{ACCOUNT}:stateful-rulegroup/missing"
    for change, word in [
        (references({"ResourceArn": group}), "Priority is required"),
        (references({"ResourceArn": group, "Priority": 1}, {"ResourceArn": managed, "Priority": 1}), "unique"),
        (references({"ResourceArn": missing, "Priority": 1}), "no such rule group"),
        (references({"ResourceArn": group, "Priority": 1, "Override": {"Action": "DROP_TO_ALERT"}}), "managed"),
        (lambda d: d.update(StatefulDefaultActions=["aws:nonsense"]), "StatefulDefaultActions"),
        (lambda d: d.update(StatefulDefaultActions=["aws:drop_strict", "aws:drop_established"]), "at most one"),
        (lambda d: d.update(StatelessDefaultActions=[]), "StatelessDefaultActions"),
        (lambda d: d.update(StatelessDefaultActions=["aws:pass", "aws:drop"]), "exactly one"),
        (lambda d: d["StatefulEngineOptions"].update(RuleOrder="DEFAULT_ACTION_ORDER"), "RuleOrder"),
        (lambda d: d["PolicyVariables"]["RuleVariables"].update(HOME_NET={"Definition": ["home"]}), "CIDR"),
    ]:
        refused("InvalidRequestException", firewall.update_firewall_policy, word, **attempt(change))
    kept = firewall.update_firewall_policy(**attempt(references({"ResourceArn": managed, "Priority": 9})))
    refused("InvalidTokenException", firewall.update_firewall_policy, **attempt(references()))
    described = firewall.describe_firewall_policy(FirewallPolicyName="lab-policy")
    assert described["FirewallPolicy"]["StatefulRuleGroupReferences"] == [{"ResourceArn": managed, "Priority": 9}]
    firewall.update_firewall_policy(
        FirewallPolicyName="lab-policy", UpdateToken=kept["UpdateToken"], FirewallPolicy=policy["FirewallPolicy"])  # fmt: skip


def test_a_policy_in_action_order(firewall):
    actions = ["aws:forward_to_sfe"]
    document = {"StatelessDefaultActions": actions, "StatelessFragmentDefaultActions": actions}
    created = firewall.create_firewall_policy(FirewallPolicyName="action-order", FirewallPolicy=document)
    plain = firewall.create_rule_group(RuleGroupName="plain-2", Type="STATEFUL", Capacity=5, Rules=rules(2))
    arn = plain["RuleGroupResponse"]["RuleGroupArn"]
    update = dict(FirewallPolicyName="action-order", UpdateToken=created["UpdateToken"])
    refused("InvalidRequestException", firewall.update_firewall_policy, "Priority cannot be provided", **update,
            FirewallPolicy={**document, "StatefulRuleGroupReferences": [{"ResourceArn": arn, "Priority": 1}]})  # fmt: skip
    refused("InvalidRequestException", firewall.update_firewall_policy, "STRICT_ORDER", **update,
            FirewallPolicy={**document, "StatefulDefaultActions": ["aws:drop_strict"]})  # fmt: skip
    firewall.update_firewall_policy(**update, FirewallPolicy={
        **document, "StatefulRuleGroupReferences": [{"ResourceArn": arn}]})  # fmt: skip
    refused("InvalidOperationException", firewall.delete_rule_group, RuleGroupArn=arn)
    assert firewall.delete_firewall_policy(FirewallPolicyName="action-order")["FirewallPolicyResponse"][
        "FirewallPolicyStatus"] == "DELETING"  # fmt: skip
    firewall.delete_rule_group(RuleGroupArn=arn)
    refused("InvalidOperationException", firewall.delete_firewall_policy, FirewallPolicyName="lab-policy")
    assert [p["Name"] for p in firewall.list_firewall_policies()["FirewallPolicies"]] == ["lab-policy"]


def test_associating_another_policy(firewall):
    actions = ["aws:forward_to_sfe"]
    document = {"StatelessDefaultActions": actions, "StatelessFragmentDefaultActions": actions}
    other = firewall.create_firewall_policy(FirewallPolicyName="other", FirewallPolicy=document)
    before = firewall.describe_firewall(FirewallName="lab")
    stale = "00000000-0000-0000-0000-000000000000"
    arn = other["FirewallPolicyResponse"]["FirewallPolicyArn"]
    refused("InvalidTokenException", firewall.associate_firewall_policy,
            FirewallName="lab", FirewallPolicyArn=arn, UpdateToken=stale)  # fmt: skip
    firewall.associate_firewall_policy(FirewallName="lab", FirewallPolicyArn=arn, UpdateToken=before["UpdateToken"])
    after = firewall.describe_firewall(FirewallName="lab")
    assert after["Firewall"]["FirewallPolicyArn"] == arn
    assert set(after["FirewallStatus"]["SyncStates"]["us-east-1a"]["Config"]) == {arn}
    firewall.associate_firewall_policy(FirewallName="lab", FirewallPolicyArn=before["Firewall"]["FirewallPolicyArn"])
    firewall.delete_firewall_policy(FirewallPolicyName="other")


def test_quotas(firewall):
    body = strict(rules(1))
    names = []
    while True:
        try:
            name = f"many-{len(names)}"
            firewall.create_rule_group(RuleGroupName=name, Type="STATEFUL", Capacity=1500, RuleGroup=body)
            names.append(name)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "LimitExceededException"
            break
    assert len(names) == 50
    prefix = f"arn:aws:network-firewall:{REGION}:{ACCOUNT}:stateful-rulegroup/many-"
    policy = firewall.describe_firewall_policy(FirewallPolicyName="lab-policy")

    def with_groups(count):
        references = [{"ResourceArn": f"{prefix}{i}", "Priority": i + 1} for i in range(count)]
        return dict(FirewallPolicyName="lab-policy", DryRun=True, UpdateToken=policy["UpdateToken"],
                    FirewallPolicy={**policy["FirewallPolicy"], "StatefulRuleGroupReferences": references})  # fmt: skip

    firewall.update_firewall_policy(**with_groups(20))
    with pytest.raises(ClientError, match="at most 20"):
        firewall.update_firewall_policy(**with_groups(21))
    pages = [page["RuleGroups"] for page in firewall.get_paginator("list_rule_groups").paginate(
        PaginationConfig={"PageSize": 7})]  # fmt: skip
    assert [len(page) for page in pages] == [7] * 7 + [1]
    assert len({entry["Arn"] for page in pages for entry in page}) == 50
    firewall.delete_rule_group(RuleGroupName="many-0", Type="STATEFUL")
    firewall.create_rule_group(RuleGroupName="many-0", Type="STATEFUL", Capacity=1501, RuleGroup=body)
    with pytest.raises(ClientError, match="30001"):
        firewall.update_firewall_policy(**with_groups(20))
    for name in names:
        firewall.delete_rule_group(RuleGroupName=name, Type="STATEFUL")


def test_names_and_descriptions(firewall, group):
    name = firewall.describe_rule_group(RuleGroupArn=group)["RuleGroupResponse"]["RuleGroupName"]
    refused("InvalidRequestException", firewall.create_rule_group, "already exists",
            RuleGroupName=name, Type="STATEFUL", Capacity=5, RuleGroup=strict(rules(1)))  # fmt: skip
    for bad in ("under_score", "a" * 129, "dot.name", "umläut"):
        refused("ValidationException", firewall.create_rule_group, "ruleGroupName",
                RuleGroupName=bad, Type="STATEFUL", Capacity=5, RuleGroup=strict(rules(1)))  # fmt: skip
    for bad in ("d" * 513, "two\nlines"):
        refused("ValidationException", firewall.create_rule_group, "description",
                RuleGroupName="n", Type="STATEFUL", Capacity=5, RuleGroup=strict(rules(1)), Description=bad)  # fmt: skip
    refused("ResourceNotFoundException", firewall.describe_rule_group, RuleGroupName="missing", Type="STATEFUL")
    refused("ResourceNotFoundException", firewall.describe_firewall, FirewallName="missing")
    refused("ResourceNotFoundException", firewall.describe_firewall_policy, FirewallPolicyName="missing")
    refused("InvalidRequestException", firewall.describe_rule_group, "Type", RuleGroupName=name)


def test_tags(firewall, group):
    firewall.tag_resource(ResourceArn=group, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    firewall.untag_resource(ResourceArn=group, TagKeys=["owner", "never-there"])
    tags = firewall.list_tags_for_resource(ResourceArn=group)["Tags"]
    assert tags == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
    refused("ResourceNotFoundException", firewall.tag_resource, ResourceArn="arn:aws:none", Tags=tags)


def test_credentials(cloud):
    refused("InvalidSignatureException", cloud.client("network-firewall", secret="wrong").list_firewalls)
    refused("UnrecognizedClientException", cloud.client("network-firewall", key="AKIAWRONG").list_firewalls)
    refused("SignatureDoesNotMatch", cloud.client("sts", secret="wrong").get_caller_identity)
    assert cloud.client("sts").get_caller_identity()["Account"] == ACCOUNT


def raw(cloud, body, target, sign=True, service="network-firewall", headers=None):
    """A call that boto3 would not make: the status and the decoded answer."""
    request = botocore.awsrequest.AWSRequest(
        "POST", cloud.url + "/", data=body, headers={"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0", **(headers or {})})  # fmt: skip
    if sign:
        credentials = botocore.credentials.Credentials(KEY, SECRET)
        botocore.auth.SigV4Auth(credentials, service, REGION).add_auth(request)
    prepared = urllib.request.Request(cloud.url + "/", body, dict(request.headers.items()))
    try:
        with urllib.request.urlopen(prepared) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as answer:
        return answer.code, json.loads(answer.read())


@pytest.mark.parametrize("body, target, error", [
    (b"{}", "NetworkFirewall_20201112.MakeCoffee", "UnknownOperationException"),
    (b"{}", "Nothing.DescribeFirewall", "UnknownOperationException"),
    (b"{}", "NetworkFirewall_20201112", "UnknownOperationException"),
    (b"{", "NetworkFirewall_20201112.ListFirewalls", "SerializationException"),
    (b"[]", "NetworkFirewall_20201112.ListFirewalls", "SerializationException"),
    (b"\xff\xfe", "NetworkFirewall_20201112.ListFirewalls", "SerializationException"),
    (b"[" * 100000, "NetworkFirewall_20201112.ListFirewalls", "SerializationException"),
    (b'{"MaxResults":"ten"}', "NetworkFirewall_20201112.ListFirewalls", "SerializationException"),
    (b'{"MaxResults":0}', "NetworkFirewall_20201112.ListFirewalls", "ValidationException"),
    (b'{"NextToken":"page:99"}', "NetworkFirewall_20201112.ListFirewalls", "InvalidRequestException"),
    (b"{}", "NetworkFirewall_20201112.CreateRuleGroup", "ValidationException"),
    (b'{"RuleGroupName":"a","Type":"STATEFUL","Capacity":1,"RuleGroup":{"RulesSource":{"RulesSourceList":'
     b'{"Targets":["a.com"],"TargetType":["TLS_SNI"],"GeneratedRulesType":"DENYLIST"}}}}',
     "NetworkFirewall_20201112.CreateRuleGroup", "ValidationException"),
    (b"{}", "NetworkFirewall_20201112.DescribeRuleGroup", "InvalidRequestException"),
])  # fmt: skip
def test_what_boto3_would_not_send(cloud, body, target, error):
    status, answer = raw(cloud, body, target)
    assert status == 400
    assert answer["__type"].split("#")[-1] == error
    assert answer.get("Message") or answer.get("message")


def test_signatures_that_boto3_would_not_make(cloud):
    target = "NetworkFirewall_20201112.ListFirewalls"
    status, answer = raw(cloud, b"{}", target, sign=False)
    assert (status, answer["__type"].split("#")[-1]) == (403, "MissingAuthenticationTokenException")
    status, answer = raw(cloud, b"{}", target, service="securityhub")
    assert (status, answer["__type"].split("#")[-1]) == (403, "InvalidSignatureException")
    assert "network-firewall" in answer["Message"]
    status, answer = raw(cloud, b"{}", target, sign=False, headers={"Authorization": "Basic eDp5"})
    assert (status, answer["__type"].split("#")[-1]) == (400, "IncompleteSignatureException")


def test_a_body_that_is_too_large(cloud):
    request = urllib.request.Request(cloud.url + "/", b"x" * ((8 << 20) + 1), {"X-Amz-Target": "x"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert caught.value.code == 413
    assert "8388608" in json.loads(caught.value.read())["message"]


@pytest.fixture
def aws(cloud):
    """aws("service", "operation", …): the AWS CLI's answer, or its complaint where it must fail."""

    def run(*arguments, fails=None):
        done = subprocess.run(
            [sys.executable, str(pathlib.Path(sys.executable).parent / "aws"), *arguments],
            env=cloud.environment(), capture_output=True, text=True, timeout=60)  # fmt: skip
        if fails:
            assert done.returncode != 0 and f"({fails})" in done.stderr, done.stderr
            return done.stderr
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    return run


def test_cli_a_rule_group_from_cradle_to_grave(aws):
    body = json.dumps(strict(rules(3)))
    nfw = "network-firewall"
    created = aws(nfw, "create-rule-group", "--rule-group-name", "cli", "--type", "STATEFUL", "--capacity", "10",
                  "--rule-group", body)  # fmt: skip
    arn = created["RuleGroupResponse"]["RuleGroupArn"]
    described = aws(nfw, "describe-rule-group", "--rule-group-arn", arn)
    assert described["RuleGroup"]["RulesSource"]["RulesString"] == rules(3)
    aws(nfw, "update-rule-group", "--rule-group-arn", arn, "--update-token", described["UpdateToken"],
        "--rule-group", json.dumps(strict(rules(4))))  # fmt: skip
    aws(nfw, "update-rule-group", "--rule-group-arn", arn, "--update-token", described["UpdateToken"],
        "--rule-group", body, fails="InvalidTokenException")  # fmt: skip
    listed = aws(nfw, "list-rule-groups")
    assert {"Name": "cli", "Arn": arn} in listed["RuleGroups"]
    aws(nfw, "delete-rule-group", "--rule-group-arn", arn)
    aws(nfw, "delete-rule-group", "--rule-group-arn", arn, fails="ResourceNotFoundException")


def test_cli_identity_and_findings(aws):
    assert aws("sts", "get-caller-identity")["Account"] == ACCOUNT
    actions = aws("securityhub", "describe-action-targets")["ActionTargets"]
    assert {a["Name"] for a in actions} == {f"intelwall {what}" for what in ("block", "exact", "alert", "unblock", "force")}


def test_flow_operations(firewall):
    arn = firewall.describe_firewall(FirewallName="lab")["Firewall"]["FirewallArn"]
    where = {"FirewallArn": arn, "AvailabilityZone": "us-east-1a"}
    ends = {
        "SourceAddress": {"AddressDefinition": "10.94.0.10"}, "SourcePort": "40000",
        "DestinationAddress": {"AddressDefinition": "198.51.100.80/32"}, "DestinationPort": "443", "Protocols": ["6"],
    }  # fmt: skip
    for start, kind in ((firewall.start_flow_flush, "FLOW_FLUSH"), (firewall.start_flow_capture, "FLOW_CAPTURE")):
        started = start(**where, FlowFilters=[ends])
        assert started["FlowOperationStatus"] == "IN_PROGRESS"
        one = where | {"FlowOperationId": started["FlowOperationId"]}
        while (told := firewall.describe_flow_operation(**one))["FlowOperationStatus"] == "IN_PROGRESS":
            pass
        assert told["FlowOperationStatus"] == "COMPLETED" and told["FlowOperationType"] == kind
        assert told["FlowOperation"]["FlowFilters"] == [ends]
        assert firewall.list_flow_operation_results(**one)["Flows"] == []  # no data plane, no flows
        listed = firewall.list_flow_operations(**where, FlowOperationType=kind)["FlowOperations"]
        assert listed[0]["FlowOperationId"] == started["FlowOperationId"]
    refused("InvalidRequestException", firewall.start_flow_flush, "AvailabilityZone", FirewallArn=arn, FlowFilters=[ends])
    refused("InvalidRequestException", firewall.start_flow_flush, **where, FlowFilters=[ends | {"SourcePort": "9:1"}])
    refused("ResourceNotFoundException", firewall.describe_flow_operation, **where,
            FlowOperationId="609185ea-be02-2b86-4187-ce81f45b82a9")  # fmt: skip
