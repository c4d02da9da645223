"""What cannot work is refused before anything is made, with the reason."""

import pytest
from template import Template
from test_templates import CODE, EVERYTHING

TEMPLATE = Template("intelwall.yaml")
ORGANISATION = {"CodeBucket": "packages", "FirewallManager": "yes", "FirewallManagerVpcId": "vpc-0123456789abcdef0"}


@pytest.mark.parametrize("given", [CODE, EVERYTHING, ORGANISATION], ids=["least", "everything", "organisation"])
def test_what_can_work_is_taken(given):
    assert TEMPLATE.refusals(**given) == []


BAD = [
    ("Capacity", 30001, "30000"),
    ("Capacity", 9, "30000"),
    ("Capacity", "many", "30000"),
    ("PolicyCapacity", 50001, None),
    ("Priority", 0, None),
    ("Priority", 65536, None),
    ("RuleOrder", "LOOSE_ORDER", None),
    ("DnsFirewallRuleGroupId", "my-group", "rslvr-frg-"),
    ("DnsFirewallRuleGroupId", "rslvr-frg-", "rslvr-frg-"),
    ("DnsFirewallDomains", 99, None),
    ("Prefix", "Intelwall", "lower-case"),
    ("Prefix", "intelwall_", "lower-case"),
    ("Prefix", "x" * 31, "lower-case"),
    ("CodeBucket", "Not A Bucket", "bucket"),
    ("FirewallName", "arn:aws:network-firewall:us-east-1:111122223333:firewall/inspection", "no ARN"),
    ("Protocols", "tls,ftp", "quic"),
    ("Protocols", "tls,", "quic"),
    ("Expires", "30 days", "30d"),
    ("Expires", "0d", "30d"),
    ("ExpireSchedule", "hourly", "rate(1 hour)"),
    ("HuntSchedule", "rate(0 hours)", "rate(1 hour)"),
    ("HuntSchedule", "rate(1 hour) or so", "rate(1 hour)"),
    ("FindingAccounts", "111122223333,security", "12 digits"),
    ("OtherActionArn", "arn:aws:securityhub:us-east-1:111122223333:hub/default", "custom action"),
    ("BlockProducts", "*/*", "company/product"),
    ("BlockProducts", ",guardduty", "company/product"),
    ("BlockProducts", "arn:aws:securityhub:us-east-1::product/aws/guardduty", "company/product"),
    ("BlockTypes", 'a"]', "commas"),
    ("BlockMinSeverity", "SEVERE", None),
    ("FalconSecretArn", "falcon", "secret"),
    ("FalconClientId", 'a","cloud":"evil', "Falcon"),
    ("FalconClientSecret", "short", "Falcon"),
    ("FalconCloud", "mars-1", None),
    ("HuntName", "Not a name", None),
    ("HuntAction", "reject", None),
    ("HuntLimit", 0, None),
    ("HuntFql", "x" * 2049, None),
    ("AllowListParameter", "intelwall/allow", "/ first"),
    ("AlarmTopicArn", "alarms", "SNS"),
    ("FirewallManagerVpcId", "default", "VPC"),
    ("RouteVpcId", "igw-0123456789abcdef0", "VPC"),
    ("LogRetentionDays", 45, None),
    ("Encryption", "none", None),
]


@pytest.mark.parametrize("name, value, words", BAD, ids=[f"{name}={str(value)[:20]}" for name, value, _ in BAD])
def test_a_bad_value_is_refused(name, value, words):
    (refusal,) = TEMPLATE.refusals(**CODE | {name: value})
    assert refusal.startswith(name)
    assert words is None or words in refusal


@pytest.mark.parametrize(
    "given, words",
    [
        ({"CodeBucket": "packages"}, "FirewallName must name"),
        ({"FirewallName": "inspection"}, "CodeBucket must have a value"),
        (CODE | {"HuntFql": "type:'domain'"}, "need FalconSecretArn"),
        (CODE | {"Forward": "yes"}, "need FalconSecretArn"),
        (CODE | {"Forward": "yes", "FalconClientId": "0123456789abcdef"}, "need FalconSecretArn"),
        (ORGANISATION | {"FirewallManagerVpcId": ""}, "must name a VPC"),
        (ORGANISATION | {"FirewallName": "inspection"}, "must stay empty"),
        (ORGANISATION | {"RuleOrder": "DEFAULT_ACTION_ORDER"}, "strict order"),
    ],
)
def test_values_that_do_not_fit_together_are_refused(given, words):
    (refusal,) = TEMPLATE.refusals(**given)
    assert words in refusal


def test_forward_is_refused_where_security_hub_has_no_crowdstrike():
    secret = "arn:aws:secretsmanager:us-east-1:111122223333:secret:falcon-AbCdEf"
    for region, refused in (("us-east-1", 0), ("us-gov-west-1", 0), ("cn-north-1", 1)):
        refusals = TEMPLATE.refusals(region, **CODE, Forward="yes", FalconSecretArn=secret)
        assert len(refusals) == refused
        assert all("China" in each for each in refusals)
