"""`intelwall lab up --template`: the shipped template's flows, run by the functions of the real package."""

import gzip
import json
import pathlib
import subprocess
import time
import uuid

import boto3
import pytest

ROOT = pathlib.Path(__file__).parents[2]
from runtime_api import finding
from test_lab_lifecycle import Lab

TEMPLATE = ROOT / "deploy" / "cloudformation" / "intelwall.yaml"
ZIP = ROOT / "build" / "lambda" / "intelwall.zip"
FQL = "type:'domain'+malicious_confidence:'high'+targets:'Technology'"
WATCHED = "watched.example.org"
SIGHTING = f"intelwall/sighting/10.94.0.10/{WATCHED}"


class StackLab(Lab):
    def __init__(self, binary, directory):
        super().__init__(binary, directory=directory)
        self.aws = {}

    def client(self, service):
        return boto3.client(
            service, endpoint_url=self.aws["AWS_ENDPOINT_URL"], region_name=self.aws["AWS_REGION"],
            aws_access_key_id=self.aws["AWS_ACCESS_KEY_ID"], aws_secret_access_key=self.aws["AWS_SECRET_ACCESS_KEY"])  # fmt: skip

    def up_with(self, *arguments):
        package = () if "--package" in arguments else ("--package", str(ZIP))
        up = self.up("--no-data-plane", "--indicators", "200", "--template", str(TEMPLATE), *package, *arguments)
        if up.returncode == 0:
            self.aws = json.loads(self.run("lab", "env", "--json").stdout)
        return up

    def status(self):
        return json.loads(self.run("lab", "status", "--json").stdout)

    def press(self, action, *ids):
        pressed = self.run("lab", "press", action, *ids)
        assert pressed.returncode == 0, pressed.stderr
        return json.loads(pressed.stdout)

    def rules(self, group):
        try:
            described = self.client("network-firewall").describe_rule_group(RuleGroupName=group, Type="STATEFUL")
        except self.client("network-firewall").exceptions.ResourceNotFoundException:
            return ""
        return described["RuleGroup"]["RulesSource"]["RulesString"]

    def watch(self):
        """Falcon knows a domain that the hunt is for."""
        told = self.run("lab", "falcon", "indicators", json.dumps({"indicators": [
            {"type": "domain", "indicator": WATCHED, "malicious_confidence": "high", "targets": ["Technology"], "actors": ["FANCYBEAR"]}]}))  # fmt: skip
        assert told.returncode == 0, told.stderr

    def sighting(self):
        """The finding of the contact; waits for it."""
        wanted = {"Id": [{"Value": SIGHTING, "Comparison": "EQUALS"}]}
        found = wait_for(lambda: self.client("securityhub").get_findings(Filters=wanted)["Findings"])
        assert found, self.status()["functions"]["intelwall-sightings"]
        return found[0]

    def dead_letters(self):
        url = self.status()["outputs"]["DeadLetterQueueUrls"].split()[0]
        counted = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
        return int(counted["Attributes"]["ApproximateNumberOfMessages"])


def contact():
    """A record of the firewall's alert log: the workload asks for the watched name."""
    return {"firewall_name": "lab", "availability_zone": "us-east-1a", "event_timestamp": str(int(time.time())), "event": {
        "event_type": "alert", "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.000000+0000", time.gmtime()), "flow_id": 7,
        "src_ip": "10.94.0.10", "src_port": 40000, "dest_ip": "198.51.100.80", "dest_port": 443, "proto": "TCP",
        "app_proto": "tls", "tls": {"sni": WATCHED},
        "alert": {"action": "allowed", "signature_id": 1, "rev": 1, "signature": "watched", "category": "", "severity": 3}}}  # fmt: skip


def wait_for(holds, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := holds():
            return found
        time.sleep(0.05)
    return holds()


@pytest.fixture(scope="module")
def package(build_dir):
    """The zip, of the same sources as the program."""
    if not ZIP.exists() or ZIP.stat().st_mtime < (build_dir / "bin" / "intelwall").stat().st_mtime:
        made = subprocess.run([ROOT / "scripts" / "lambda"], capture_output=True, text=True)
        assert made.returncode == 0, made.stdout + made.stderr


@pytest.fixture
def lab(binary, package, tmp_path):
    made = StackLab(binary("intelwall"), str(tmp_path))
    yield made
    down = made.run("lab", "down")
    assert down.returncode == 0, down.stderr
    assert [line for line in made.left() if made.directory in line] == []


def test_a_press_goes_through_the_queue_to_the_function(lab):
    up = lab.up_with()
    assert up.returncode == 0, up.stderr
    status = lab.status()
    assert set(status["functions"]) == {f"intelwall-{name}" for name in
                                        ("custom-resource", "respond", "hunt", "expire", "forward", "sightings")}  # fmt: skip
    assert "AWS::IAM::Role" in status["skipped"]
    # The actions are those that the custom resources made.
    targets = lab.client("securityhub").describe_action_targets()["ActionTargets"]
    assert {each["ActionTargetArn"].rpartition("/")[2] for each in targets} == {
        "intelwallblock", "intelwallexact", "intelwallalert", "intelwallunblock", "intelwallforce"}  # fmt: skip

    hub = lab.client("securityhub")
    one = finding(1, "evil.example.net")
    assert hub.batch_import_findings(Findings=[one])["SuccessCount"] == 1
    answer = lab.press("intelwallblock", one["Id"])
    assert answer["functions"] == [{"function": "intelwall-respond", "answer": {"batchItemFailures": []}}]
    assert "evil.example.net" in lab.rules("intelwall-blocks-1")
    noted = hub.get_findings(Filters={"Id": [{"Value": one["Id"], "Comparison": "EQUALS"}]})["Findings"][0]
    assert noted["Workflow"]["Status"] == "NOTIFIED" and "drop evil.example.net" in noted["Note"]["Text"]
    # One press, one invocation: the rule that the lab seeds does not stand beside the template's.
    assert lab.status()["functions"]["intelwall-respond"]["invocations"] == 1

    log = lab.client("logs").filter_log_events(logGroupName="/aws/lambda/intelwall-respond")["events"]
    assert any(event["message"].startswith("REPORT RequestId") for event in log)
    assert any("decisions" in event["message"] for event in log)

    assert lab.press("intelwallunblock", one["Id"])["functions"][0]["answer"] == {"batchItemFailures": []}
    assert "evil.example.net" not in lab.rules("intelwall-blocks-1")
    assert lab.dead_letters() == 0


def test_an_event_that_is_none_ends_in_the_dead_letter_queue_once(lab):
    assert lab.up_with().returncode == 0
    queue = lab.status()["outputs"]["ActionsQueueUrl"]
    lab.client("sqs").send_message(QueueUrl=queue, MessageBody="no event")
    assert wait_for(lambda: lab.dead_letters() == 1)
    functions = lab.status()["functions"]
    assert functions["intelwall-respond"]["invocations"] == 4, "the queue's maxReceiveCount"
    assert functions["intelwall-respond"]["failures"] == 0, "it reports which message failed"
    assert lab.dead_letters() == 1


def test_schedule_subscription_and_press_make_the_second_scenario(lab):
    up = lab.up_with("--parameter", f"HuntFql={FQL}", "--schedule-every", "1")
    assert up.returncode == 0, up.stderr
    lab.watch()
    assert wait_for(lambda: WATCHED in lab.rules("intelwall-hunts-1")), lab.status()["functions"]["intelwall-hunt"]
    assert wait_for(lambda: lab.status()["functions"]["intelwall-expire"]["invocations"] > 0)

    logs = lab.client("logs")
    logs.create_log_stream(logGroupName="/lab/alert", logStreamName=(stream := uuid.uuid4().hex))
    logs.put_log_events(logGroupName="/lab/alert", logStreamName=stream,
                        logEvents=[{"timestamp": int(time.time() * 1000), "message": json.dumps(contact())}])  # fmt: skip
    assert lab.sighting()["ProductFields"]["intelwall/actors"] == "FANCYBEAR"

    lab.press("intelwallblock", SIGHTING)
    assert WATCHED in lab.rules("intelwall-blocks-1")

    # A hunt on demand, as the AWS CLI invokes it.
    invoked = lab.client("lambda").invoke(FunctionName="intelwall-hunt", Payload=b"{}")
    assert invoked["StatusCode"] == 200 and "FunctionError" not in invoked, invoked["Payload"].read()
    assert "hunts" in json.load(invoked["Payload"])
    failed = lab.client("lambda").invoke(FunctionName="intelwall-hunt", Payload=b"7")
    assert failed["FunctionError"] == "Unhandled" and "errorMessage" in json.load(failed["Payload"])


def test_a_falcon_alert_comes_by_schedule(lab):
    up = lab.up_with("--parameter", "Forward=yes", "--schedule-every", "1")
    assert up.returncode == 0, up.stderr
    alert = {"composite_id": "c1d0:ind:0123:7", "name": "IntelDomainHigh", "severity": 70, "product": "epp", "status": "new",
             "ioc_type": "domain", "ioc_value": "evil.example.net"}  # fmt: skip
    told = lab.run("lab", "falcon", "alerts", json.dumps({"alerts": [alert]}))
    assert told.returncode == 0, told.stderr
    hub = lab.client("securityhub")
    found = wait_for(lambda: [each for each in hub.get_findings()["Findings"] if alert["composite_id"] in each["Id"]])
    assert found, lab.status()["functions"]["intelwall-forward"]
    lab.press("intelwallblock", found[0]["Id"])
    assert "evil.example.net" in lab.rules("intelwall-blocks-1")


def test_a_log_object_reaches_sightings(lab):
    up = lab.up_with("--parameter", f"HuntFql={FQL}", "--parameter", "LogBucket=firewall-logs")
    assert up.returncode == 0, up.stderr
    lab.watch()
    ran = lab.client("lambda").invoke(FunctionName="intelwall-hunt", Payload=b"{}")
    assert "FunctionError" not in ran, ran["Payload"].read()
    lines = json.dumps(contact()).encode() + b"\n"
    lab.client("s3").put_object(Bucket="firewall-logs", Key="AWSLogs/a.log.gz", Body=gzip.compress(lines))
    assert lab.sighting()["ProductFields"]["intelwall/actors"] == "FANCYBEAR"


@pytest.mark.parametrize("arguments, why", [
    (("--parameter", "Capacity=1"), "Parameters.Capacity"),
    (("--parameter", "FirewallName=none"), "Resources.Firewall"),
    (("--parameter", "RuleOrder=DEFAULT_ACTION_ORDER"), "set RuleOrder to STRICT_ORDER"),
    (("--parameter", "NoSuch=1"), "no such parameter"),
    (("--package", "/no/such.zip"), "no such package"),
])  # fmt: skip
def test_what_cannot_be_made_is_refused_with_its_place(lab, arguments, why):
    up = lab.up_with(*arguments)
    assert up.returncode != 0
    assert why in up.stderr, up.stderr
