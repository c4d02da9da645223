"""The templates by cfn-lint, which knows CloudFormation's resources Region by Region, and against our own code."""

import json
import pathlib
import re
import subprocess
import sys

import pytest
from template import DIRECTORY, PARTITIONS, Resolved, Template

NAMES = sorted(path.name for path in DIRECTORY.glob("*.yaml"))
SOURCE = DIRECTORY.parents[1] / "src"
CODE = {"CodeBucket": "packages", "FirewallName": "inspection"}
EVERYTHING = CODE | {
    "CodeVersion": "v1",
    "DnsFirewallRuleGroupId": "rslvr-frg-0123456789abcdef0",
    "AllowListParameter": "/intelwall/allow",
    "ProtectedZonesParameter": "/intelwall/zones",
    "FindingAccounts": "222233334444,333344445555",
    "OtherActionArn": "arn:aws:securityhub:us-east-1:111122223333:action/custom/CRWDDomainToFW",
    "BlockProducts": "guardduty,crowdstrike/*",
    "BlockTypes": "TTPs/Command and Control",
    "FalconClientId": "0123456789abcdef0123456789abcdef",
    "FalconClientSecret": "0123456789abcdef0123456789abcdef01234567",
    "Forward": "yes",
    "HuntFql": "malicious_confidence:'high'+last_updated:>{old_date}",
    "AlertLogGroup": "/firewall/alert",
    "QueryLogGroup": "/resolver/queries",
    "LogBucket": "firewall-logs",
    "Encryption": "key",
    "AlarmTopicArn": "arn:aws:sns:us-east-1:111122223333:alarms",
    "RouteVpcId": "vpc-0123456789abcdef0",
}


@pytest.mark.parametrize("name", NAMES)
def test_cfn_lint_has_nothing_to_say(name):
    lint = [str(pathlib.Path(sys.executable).with_name("cfn-lint")), "--include-checks", "W", "--format", "parseable"]
    lint += ["--regions", *PARTITIONS, "--", str(DIRECTORY / name)]
    done = subprocess.run(lint, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_made_is_deleted_with_the_stack(name):
    for resource in Template(name).resources.values():
        assert resource.get("DeletionPolicy", "Delete") == "Delete"


def test_the_actions_are_those_that_respond_knows():
    text = (SOURCE / "app/actions.cpp").read_text()
    known = re.findall(r'KnownAction\{PressKind::\w+, "(\w+)", "([^"]+)",\s*"([^"]+)"\}', text)
    assert len(known) == 5
    resources = Resolved(Template("intelwall.yaml"), **EVERYTHING).resources()
    made = [resource["Properties"] for resource in resources.values() if resource["Type"] == "Custom::IntelwallAction"]
    assert sorted((each["Id"], each["Name"], each["Description"]) for each in made) == sorted(known)
    rules = ("PressedActions", "ActionsPressedElsewhere")
    here, elsewhere = (resources[name]["Properties"]["EventPattern"]["resources"] for name in rules)
    assert elsewhere == [{"suffix": f":action/custom/{id}"} for id, _, _ in known]
    assert len(here) == len(known) + 1  # OtherActionArn, too
    sent = Resolved(Template("security-account.yaml")).resources()["PressedActions"]["Properties"]["EventPattern"]
    assert [each.rsplit("/")[-1] for each in sent["resources"]] == [id for id, _, _ in known]


def test_each_setting_is_one_that_the_code_reads():
    text = "".join(path.read_text() for path in SOURCE.rglob("*.cpp"))
    keys = {"INTELWALL_" + key.upper() for key in re.findall(r'^\s+\{"([a-z_]+)",', text, re.M)}
    keys |= set(re.findall(r'"(INTELWALL_[A-Z_]+)"', text))
    # The contract of the handlers (src/lambda).
    keys |= {f"INTELWALL_{key}" for key in ("STATE_BUCKET", "FALCON_SECRET_ARN", "FINDINGS_FILTER")}
    keys |= {f"INTELWALL_HUNT_{key}" for key in ("NAME", "FQL", "ACTION", "LIMIT")}
    functions = {
        name: resource["Properties"]
        for name, resource in Resolved(Template("intelwall.yaml"), **EVERYTHING).resources().items()
        if resource["Type"] == "AWS::Lambda::Function"
    }
    assert sorted(each["Handler"] for each in functions.values()) == [
        "custom-resource", "expire", "forward", "hunt", "respond", "sightings",
    ]
    for name, function in functions.items():
        unknown = set(function["Environment"]["Variables"]) - keys
        assert not unknown, f"{name} is given settings that nothing reads"


def test_the_filter_of_imported_findings_is_json_whatever_is_left_out():
    template = Template("intelwall.yaml")
    def written(**given):
        variables = Resolved(template, **CODE, **given).resources()["RespondFunction"]["Properties"]["Environment"]
        return variables["Variables"].get("INTELWALL_FINDINGS_FILTER")

    assert written() is None
    assert json.loads(written(BlockProducts="guardduty")) == {"products": ["guardduty"], "min_severity": "HIGH"}
    assert json.loads(written(BlockProducts="guardduty,a/*", BlockTypes="A/B,C", BlockMinSeverity="LOW")) == {
        "products": ["guardduty", "a/*"], "types": ["A/B", "C"], "min_severity": "LOW",
    }


def test_what_the_guide_names_is_in_the_templates():
    text = (DIRECTORY.parents[1] / "docs/aws.md").read_text()
    known = set().union(*(Template(name).parameters for name in NAMES))
    named = set(re.findall(r"\b([A-Z][A-Za-z]+)=", text))
    assert named and named <= known
    outputs = set().union(*(Template(name).body.get("Outputs", {}) for name in NAMES))
    for each in ("WorkloadId", "ProtectedSubnet", "WorkloadGroup", "EventBusArn", "DeadLetterQueueUrls"):
        assert each in outputs and each in text
    for alarm in ("FailedAlarm", "DeadLettersAlarm", "WaitingAlarm"):
        assert alarm in text and alarm in Template("intelwall.yaml").resources
