"""What the judges of `intelwall forward` share: the lab's Falcon and AWS endpoints, without packets, and the command."""

import json
import os
import subprocess

import requests
from cloud_judge import ACCOUNT, KEY, REGION, SECRET, JudgedCloud  # noqa: F401

FALCON_SECRET = "judge-falcon-secret"
FALCON_ID = "1ab1ab1ab1ab1ab1ab1ab1ab1ab1ab1a"
PRODUCT = f"arn:aws:securityhub:{REGION}:517716713836:product/crowdstrike/crowdstrike-falcon"
SUBSCRIPTION = f"arn:aws:securityhub:{REGION}:{ACCOUNT}:product-subscription/crowdstrike/crowdstrike-falcon"
PREFIX = "crowdstrike:crowdstrike-falcon:"


def event(number, **more):
    return {
        "eventType": "EppDetectionSummaryEvent",
        "event": {
            "CompositeId": f"c1d0:ind:aid:{number}", "Name": "IntelDomainHigh", "Hostname": "h1", "AgentId": f"a{number % 7}",
            "Description": "A domain lookup matched an indicator.", "Severity": 70, "SeverityName": "High",
            "IOCType": "domain", "IOCValue": f"evil{number}.example.com", "CommandLine": "curl -s https://stage.example.com/x",
            "DnsRequests": [{"DomainName": f"evil{number}.example.com"}], **more,
        },
    }  # fmt: skip


class Falcon:
    """The lab's Falcon endpoint alone."""

    def __init__(self, program, partitions=2):
        self.process = subprocess.Popen(
            [program, FALCON_SECRET, str(partitions)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url = "http://127.0.0.1:" + self.process.stdout.readline().split()[1]
        self.session = requests.Session()
        keys = {"client_id": FALCON_ID, "client_secret": FALCON_SECRET}
        token = self.session.post(self.url + "/oauth2/token", data=keys, timeout=10).json()["access_token"]
        self.session.headers["Authorization"] = f"Bearer {token}"

    def lab(self, route, **body):
        answer = self.session.post(f"{self.url}/lab/falcon/{route}", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["resources"]

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=20)


class Forward:
    """`intelwall forward` between a Falcon and an AWS endpoint, with positions of its own."""

    def __init__(self, program, falcon_url, aws_url, state):
        self.program, self.state = program, state
        self.environment = {
            "PATH": "/usr/bin:/bin", "HOME": str(state), "AWS_ENDPOINT_URL": aws_url, "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "FALCON_BASE_URL": falcon_url,
            "FALCON_CLIENT_ID": FALCON_ID, "FALCON_CLIENT_SECRET": FALCON_SECRET, "no_proxy": "127.0.0.1",
            **{name: value for name, value in os.environ.items() if "SAN_OPTIONS" in name},
        }  # fmt: skip

    def start(self, *options, **environment):
        return subprocess.Popen(
            [self.program, "forward", "--json", "--state-dir", str(self.state), *options],
            env={**self.environment, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip

    def once(self, *options, code=0, **environment):
        """The report and what was told."""
        process = self.start("--once", *options, **environment)
        out, told = process.communicate(timeout=120)
        assert process.returncode == code, (process.returncode, out, told)
        return json.loads(out), told


def findings_of(hub):
    """All findings of the product, by Falcon's id."""
    filters = {"ProductArn": [{"Value": PRODUCT, "Comparison": "EQUALS"}]}
    found = {}
    for page in hub.get_paginator("get_findings").paginate(Filters=filters, PaginationConfig={"PageSize": 100}):
        for finding in page["Findings"]:
            assert finding["Id"].startswith(PREFIX)
            assert finding["Id"] not in found, "doubled"
            found[finding["Id"]] = finding
    return found
