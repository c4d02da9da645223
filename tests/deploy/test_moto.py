"""The templates made in moto, an AWS that we did not write, as far as it goes. Where it runs a function for a custom
resource it needs Docker, so what the function would answer is put in its place; resource types that it does not know
are listed here, so that the list shrinks when moto grows."""

import io
import json
import zipfile

import boto3
import moto.cloudformation.custom_model
import pytest
from moto import mock_aws
from template import Template
from test_templates import EVERYTHING

REGION = "us-east-1"
POLICY = "arn:aws:network-firewall:us-east-1:123456789012:firewall-policy/inspection"
UNKNOWN = {
    "AWS::CloudWatch::Alarm",
    "AWS::Events::EventBusPolicy",
    "AWS::IAM::ManagedPolicy",  # made, but not told by name
    "AWS::Logs::SubscriptionFilter",
    "AWS::S3::BucketPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::Schedule",
}
# moto makes no secrets from templates, and a policy would name nothing: so one that is there already.
REPLACED = ("CodeVersion", "FalconClientId", "FalconClientSecret")
GIVEN = {key: value for key, value in EVERYTHING.items() if key not in REPLACED}
GIVEN["FalconSecretArn"] = "arn:aws:secretsmanager:us-east-1:123456789012:secret:falcon-AbCdEf"


def client(service):
    return boto3.client(service, region_name=REGION)


@pytest.fixture()
def account(monkeypatch):
    """An account with the package, and what custom resources were asked for."""
    asked = {}
    model = moto.cloudformation.custom_model.CustomModel

    def create(cls, resource_name, cloudformation_json, account_id, region_name, **more):
        properties = cloudformation_json["Properties"]
        asked[more["LogicalId"]] = properties
        arn = f"arn:aws:securityhub:{REGION}:123456789012:action/custom/{properties.get('Id')}"
        made = model(region_name, "request", more["LogicalId"], arn if "Id" in properties else more["LogicalId"])
        (made.logical_resource_id, made.type) = (more["LogicalId"], more["ResourceType"])
        made.set_data({"PolicyArn": POLICY})
        return made

    monkeypatch.setattr(model, "create_from_cloudformation_json", classmethod(create))
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws(config={"lambda": {"use_docker": False}}):
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as into:
            into.writestr("bootstrap", "#!/bin/false")
        client("s3").create_bucket(Bucket="packages")
        client("s3").put_object(Bucket="packages", Key="intelwall.zip", Body=package.getvalue())
        client("logs").create_log_group(logGroupName=EVERYTHING["AlertLogGroup"])
        yield asked


def create(name, given):
    parameters = [{"ParameterKey": key, "ParameterValue": str(value)} for key, value in given.items()]
    client("cloudformation").create_stack(
        StackName="stack", TemplateBody=Template(name).text, Parameters=parameters, Capabilities=["CAPABILITY_IAM"]
    )
    (stack,) = client("cloudformation").describe_stacks(StackName="stack")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    resources = client("cloudformation").describe_stack_resources(StackName="stack")["StackResources"]
    # What moto does not know is in its list, without a name.
    return {each["LogicalResourceId"]: each.get("PhysicalResourceId") for each in resources if len(each) > 4}


@pytest.mark.filterwarnings("ignore:Tried to parse")
def test_the_template_is_made(account):
    made = create("intelwall.yaml", GIVEN)
    template = Template("intelwall.yaml")
    missing = {template.resources[name]["Type"] for name in template.resources.keys() - made.keys()}
    assert missing - UNKNOWN == {"AWS::SecretsManager::Secret", "AWS::FMS::Policy"}  # their conditions do not hold

    functions = {each["FunctionName"]: each for each in client("lambda").list_functions()["Functions"]}
    assert sorted(functions) == [f"intelwall-{each}" for each in (
        "custom-resource", "expire", "forward", "hunt", "respond", "sightings")]
    respond = functions["intelwall-respond"]
    assert (respond["Runtime"], respond["Handler"]) == ("provided.al2023", "respond")
    variables = respond["Environment"]["Variables"]
    assert variables["INTELWALL_FIREWALL"] == "inspection"
    assert variables["INTELWALL_ALLOW_LIST"] == "ssm:/intelwall/allow"
    assert json.loads(variables["INTELWALL_FINDINGS_FILTER"])["types"] == ["TTPs/Command and Control"]

    (mapping,) = client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert mapping["FunctionArn"].endswith(":intelwall-respond")
    queues = client("sqs")
    attributes = queues.get_queue_attributes(QueueUrl=made["Actions"], AttributeNames=["All"])["Attributes"]
    assert json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] == 4
    assert int(attributes["VisibilityTimeout"]) >= 6 * respond["Timeout"]
    bucket = client("s3")
    assert bucket.get_bucket_encryption(Bucket=made["StateBucket"])

    assert account["Firewall"]["Firewall"] == "inspection"
    assert account["Groups"]["Groups"] == ["blocks-1"]
    assert account["Groups"]["Attach"] == "yes"
    assert account["EmptyStateBucket"]["Bucket"] == made["StateBucket"]
    assert account["FalconProduct"]["ProductArn"].endswith(":517716713836:product/crowdstrike/crowdstrike-falcon")


@pytest.mark.filterwarnings("ignore:Tried to parse")
def test_a_pressed_action_reaches_the_queue_and_nothing_else_does(account):
    made = create("intelwall.yaml", GIVEN)
    (mapping,) = client("lambda").list_event_source_mappings()["EventSourceMappings"]
    # Else the function takes what we look for.
    client("lambda").update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)

    def sent(detail_type, resource, source="aws.securityhub"):
        entry = {"Source": source, "DetailType": detail_type, "Resources": [resource], "Detail": "{}"}
        client("events").put_events(Entries=[entry])
        got = client("sqs").receive_message(QueueUrl=made["Actions"], MaxNumberOfMessages=10).get("Messages", [])
        for each in got:
            client("sqs").delete_message(QueueUrl=made["Actions"], ReceiptHandle=each["ReceiptHandle"])
        return len(got)

    action = f"arn:aws:securityhub:{REGION}:123456789012:action/custom/"
    pressed = "Security Hub Findings - Custom Action"
    for id in ("intelwallblock", "intelwallexact", "intelwallalert", "intelwallunblock", "intelwallforce"):
        assert sent(pressed, action + id) == 1
    assert sent(pressed, EVERYTHING["OtherActionArn"]) == 1
    assert sent(pressed, action + "somebodyelses") == 0
    assert sent(pressed, action + "intelwallblock", source="my.own") == 0
    assert sent("Security Hub Findings - Imported", "arn:aws:securityhub:us-east-1::product/aws/guardduty/1") == 1
    assert sent("Security Hub Insight Results", action + "intelwallblock") == 0


@pytest.mark.filterwarnings("ignore:Tried to parse")
def test_deletion_leaves_nothing(account):
    create("intelwall.yaml", GIVEN)
    client("cloudformation").delete_stack(StackName="stack")
    assert client("lambda").list_functions()["Functions"] == []
    assert client("sqs").list_queues().get("QueueUrls", []) == []
    assert [each["Name"] for each in client("s3").list_buckets()["Buckets"]] == ["packages"]
    assert [each["logGroupName"] for each in client("logs").describe_log_groups()["logGroups"]] == ["/firewall/alert"]
    assert client("events").list_rules()["Rules"] == []
    assert client("iam").list_roles()["Roles"] == []
    # moto leaves managed policies where they are.


@pytest.mark.filterwarnings("ignore:Tried to parse")
def test_the_administrators_actions_are_sent_to_the_bus(account):
    bus = f"arn:aws:events:{REGION}:222233334444:event-bus/intelwall"
    made = create("security-account.yaml", {"BusArn": bus})
    (rule,) = client("events").list_rules()["Rules"]
    (target,) = client("events").list_targets_by_rule(Rule=rule["Name"])["Targets"]
    assert target["Arn"] == bus and target["RoleArn"].endswith(made["Role"])
    assert len(json.loads(rule["EventPattern"])["resources"]) == 5
