"""A long download from a name that gets blocked is cut; one from another name at the same address goes on. With packets."""

import json
import re
import time

import boto3
from test_lab_lifecycle import lab, needs_packets  # noqa: F401 (a fixture)

FALCON = "arn:aws:securityhub:us-east-1:517716713836:product/crowdstrike/crowdstrike-falcon"


class Download:
    def __init__(self, lab, name, file):  # noqa: F811
        self.file = file
        command = ["curl", "-sS", "-N", "-o", str(file), f"https://{name}/large"]
        self.process = lab.start("lab", "exec", "--", *command)

    def size(self):
        return self.file.stat().st_size if self.file.exists() else 0

    def runs(self, seconds=5):
        before, until = self.size(), time.monotonic() + seconds
        while time.monotonic() < until:
            if self.size() > before + 200_000:
                return True
            time.sleep(0.02)
        return False


def finding(identity, name, **more):
    return {
        "SchemaVersion": "2018-10-08", "Id": identity, "ProductArn": FALCON, "GeneratorId": "Falcon Host",
        "AwsAccountId": "111122223333", "CreatedAt": "2026-11-20T10:00:00Z", "UpdatedAt": "2026-11-20T10:00:00Z",
        "Severity": {"Label": "HIGH"}, "Types": ["Namespace: TTPs"], "Title": "t", "Description": "d",
        "Resources": [{"Type": "AwsEc2Instance", "Id": "i-1"}],
        "ProductFields": {"crowdstrike/crowdstrike-falcon/IOCType": "domain",
                          "crowdstrike/crowdstrike-falcon/IOCValue": name},
        **more,
    }  # fmt: skip


def ports(lab):  # noqa: F811
    out = lab.run("lab", "exec", "--", "ss", "-Htn", "state", "established", "dst", "198.51.100.80").stdout
    return {int(port) for port in re.findall(r"10\.94\.0\.10:(\d+)", out)}


@needs_packets
def test_a_pressed_block_cuts_the_open_download(lab, tmp_path):  # noqa: F811
    assert lab.up().returncode == 0
    env = json.loads(lab.run("lab", "env", "--json").stdout)
    session = boto3.Session(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], region_name=env["AWS_REGION"])
    hub = session.client("securityhub", endpoint_url=env["AWS_ENDPOINT_URL"])

    bad = Download(lab, "badcdn.example", tmp_path / "bad")
    assert bad.runs()
    (port,) = ports(lab)
    good = Download(lab, "goodbank.example", tmp_path / "good")
    assert good.runs()

    def note(identity, name, **more):
        taken = hub.batch_import_findings(Findings=[finding(identity, name, **more)])
        assert taken["SuccessCount"] == 1, taken
        assert lab.run("lab", "press", "intelwallblock", identity).returncode == 0
        (found,) = hub.get_findings(Filters={"Id": [{"Value": identity, "Comparison": "EQUALS"}]})["Findings"]
        return found["Note"]["Text"]

    assert "no address" in note("f-1", "badcdn.example")
    assert bad.runs(), "the rule alone does not touch what is open"

    began = time.monotonic()
    ends = {"SourceIpV4": "10.94.0.10", "SourcePort": port, "DestinationIpV4": "198.51.100.80", "DestinationPort": 443}
    told = note("f-2", "badcdn.example", Network={"Direction": "OUT", "Protocol": "TCP", **ends})
    assert "Open connections cut: 1." in told
    print(f"import, press, cut and note: {time.monotonic() - began:.2f} s")
    time.sleep(0.3)
    before = bad.size()
    time.sleep(2)
    assert bad.size() == before, "not one byte more"
    assert good.runs(), "at the same address, another connection goes on"

    firewall = session.client("network-firewall", endpoint_url=env["AWS_ENDPOINT_URL"])
    arn = firewall.describe_firewall(FirewallName="lab")["Firewall"]["FirewallArn"]
    (operation,) = firewall.list_flow_operations(FirewallArn=arn, AvailabilityZone="us-east-1a")["FlowOperations"]
    assert operation["FlowOperationStatus"] == "COMPLETED" and operation["FlowOperationType"] == "FLOW_FLUSH"
    for download in (bad, good):
        download.process.kill()
