"""Every finding that `intelwall forward` sends, as botocore's model and moto see it. Between them and us stands a gate
that answers what moto does not have (product subscriptions) and looks at each call on its way."""

import http.server
import json
import random
import threading

import boto3
import botocore.session
import botocore.validate
import pytest
import requests
from forward_judge import REGION, Forward, event

ACCOUNT = "123456789012"  # moto's
IMPORT = (
    botocore.session.get_session().get_service_model("securityhub").operation_model("BatchImportFindings").input_shape
)
# https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFinding.html
LIMITS = {"Id": 512, "Title": 256, "Description": 1024, "GeneratorId": 512, "SourceUrl": 2048}


def problems(finding):
    report = botocore.validate.ParamValidator().validate({"Findings": [finding]}, IMPORT)
    if report.has_errors():
        yield report.generate_report()
    for name, most in LIMITS.items():
        if len(finding.get(name, "x").encode()) not in range(1, most + 1):
            yield f"{name} is too long or empty"
    if not {"Severity", "Types", "CreatedAt", "UpdatedAt", "Resources", "AwsAccountId"} <= finding.keys():
        yield "required members are missing"
    if len(finding["ProductFields"]) > 50 or len(finding.get("ThreatIntelIndicators", [])) > 5:
        yield "too many members"
    if any(len(k) > 128 or not 0 < len(v.encode()) <= 2048 for k, v in finding["ProductFields"].items()):
        yield "a product field is out of bounds"
    if len(json.dumps(finding, ensure_ascii=False).encode()) > 240 * 1024:
        yield "more than 240 KB"


@pytest.fixture()
def gate(moto):
    seen = []

    class Gate(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def answer(self, status, body):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            arn = f"arn:aws:securityhub:{REGION}:{ACCOUNT}:product-subscription/crowdstrike/crowdstrike-falcon"
            assert self.path == "/productSubscriptions", self.path
            self.answer(200, json.dumps({"ProductSubscriptions": [arn]}).encode())

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/findings/import":
                findings = json.loads(body)["Findings"]
                assert 1 <= len(findings) <= 100 and len(body) < 6_000_000
                seen.extend(findings)
            headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "content-length")}
            passed = requests.post(moto + self.path, data=body, headers=headers, timeout=30)
            self.answer(passed.status_code, passed.content)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gate)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", moto, seen
    server.shutdown()


def wild_event(number, chance):
    """A detection with whatever a sensor, or somebody who wants harm, may put into it."""
    word = lambda: "".join(chance.choice("aé\\\"\n\t\x01/.:;漢 \U0001f600x") for _ in range(chance.randrange(1, 4000)))  # noqa: E731
    more = {key: word() for key in ("Description", "CommandLine", "FileName", "FilePath", "Tactic", "Technique", "Hostname",
            "ParentCommandLine", "IOCValue", "SeverityName", "AssociatedFile", "AgentId", "FalconHostLink",
            "Objective", "SHA256String") if chance.random() < 0.6}  # fmt: skip
    more["Severity"] = chance.choice([0, 1, 30, 70, 100, -3, "90", "x", None, 1e9, [7]])
    more["MitreAttack"] = [{"Tactic": word(), "TechniqueID": "T1", "PatternID": n} for n in range(chance.randrange(9))]
    more["DnsRequests"] = [{"DomainName": f"n{n}.example{number}.com"} for n in range(chance.choice([0, 1, 190]))]
    more["NetworkAccesses"] = [
        {"RemoteAddress": chance.choice(["203.0.113.7", "2001:db8::7", "x", ""]), "ConnectionDirection": chance.choice([0, "1", 2]),
         "LocalAddress": "10.0.0.1", "LocalPort": chance.choice([1, "65535", 65536, -1, 0.5]), "Protocol": word()}]  # fmt: skip
    more["ProcessStartTime"] = chance.choice([1700000000, -1, "1700000000", 1e300, None])
    return event(number, **more)


def test_every_finding_passes_botocore_and_moto(binary, falcon, gate, tmp_path):
    url, behind, seen = gate
    chance = random.Random(11)
    falcon.lab("hosts", hosts=[{"device_id": f"a{n}", "service_provider": "AWS_EC2_V2", "instance_id": f"i-{n}",
                                "tags": ["t" * 900, "u" * 900], "os_version": "é" * 2000} for n in range(3)])  # fmt: skip
    for start in range(0, 400, 50):
        falcon.lab("events", events=[wild_event(n, chance) if n % 4 else event(n) for n in range(start, start + 50)])
    report, told = Forward(binary("intelwall"), falcon.url, url, tmp_path).once("--severity", "informational", "--older-than", "never")
    assert report["accepted"] == 400 and report["rejected"] == report["unreadable"] == 0, told
    assert len({finding["Id"] for finding in seen}) == 400
    faults = [(finding["Id"], problem) for finding in seen for problem in problems(finding)]
    assert not faults, faults[:5]
    hub = boto3.client("securityhub", endpoint_url=behind, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="y")
    stored = [f for page in hub.get_paginator("get_findings").paginate() for f in page["Findings"]]
    assert {finding["Id"] for finding in stored} == {finding["Id"] for finding in seen}
    assert {finding["AwsAccountId"] for finding in stored} == {ACCOUNT}
