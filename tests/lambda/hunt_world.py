"""What the hunt and sightings functions live in, for their judges: the lab's Falcon and Network Firewall, another one's S3 and
Secrets Manager, and the Runtime API."""

import functools
import json
import re
import subprocess

import boto3
from cloud_judge import JudgedCloud
from judged_falcon import JudgedFalcon
from runtime_api import RuntimeApi

BUCKET = "intelwall-state"
FILTER = "indicator:*'*.hunted-test.com'+malicious_confidence:'high'"


def client_of(url, service):
    """boto3's client of another one's AWS."""
    return boto3.client(service, endpoint_url=url, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y")


class World:
    """What the function lives in, and the function itself: a new one stands for a cold start. `state` is the address of
    S3 and Secrets Manager; none: the lab's."""

    def __init__(self, binary, state, place):
        self.program, self.place = binary("intelwall"), place
        self.falcon, self.cloud = JudgedFalcon(binary("judge_falcon"), 2, 1800, 1799, 10), JudgedCloud(binary("judge_cloud"))
        client = self.cloud.client if state is None else functools.partial(client_of, state)
        self.s3 = client("s3")
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        secret = client("secretsmanager").create_secret(Name="falcon", SecretString=json.dumps(
            {key: self.falcon.keys[key] for key in ("client_id", "client_secret")}))  # fmt: skip
        self.environment = self.cloud.environment() | {
            "_HANDLER": "hunt", "INTELWALL_FIREWALL": "lab", "AWS_ENDPOINT_URL_S3": state or self.cloud.url,
            "AWS_ENDPOINT_URL_SECRETS_MANAGER": state or self.cloud.url,
            "FALCON_BASE_URL": self.falcon.base_url, "INTELWALL_FALCON_SECRET_ARN": secret["ARN"], "INTELWALL_STATE_BUCKET": BUCKET,
            "INTELWALL_HUNT_NAME": "apt", "INTELWALL_HUNT_FQL": FILTER}  # fmt: skip
        self.firewall = self.cloud.client("network-firewall")
        self.functions = []

    def function(self, name="one", **variables):
        api = RuntimeApi()
        scratch = self.place / name
        scratch.mkdir(exist_ok=True)
        own = {"AWS_LAMBDA_RUNTIME_API": api.host, "TMPDIR": str(scratch), "INTELWALL_STATE": str(scratch)}
        process = subprocess.Popen([self.program, "lambda"], stderr=(self.place / f"{name}.log").open("a"),
                                   env=self.environment | variables | own)
        self.functions.append((api, process))
        return api

    def put(self, *names, **more):
        self.falcon.lab("indicators", indicators=[
            {"indicator": name, "type": "domain", "malicious_confidence": "high"} | more for name in names])  # fmt: skip

    def watched(self):
        rules = "".join(
            self.firewall.describe_rule_group(RuleGroupName=each["Name"], Type="STATEFUL")["RuleGroup"]["RulesSource"]["RulesString"]
            for each in self.firewall.list_rule_groups(Scope="ACCOUNT")["RuleGroups"]
            if "-hunts-" in each["Name"]
        )
        return set(re.findall(r'content:"\.([^"]+)"', rules))

    def versions(self):
        return [(each["Key"], each["VersionId"]) for each in self.s3.list_object_versions(Bucket=BUCKET).get("Versions", [])]

    def end(self):
        for api, process in self.functions:
            process.terminate()
            assert process.wait(timeout=20) == 0
            api.end()
        self.falcon.process.kill()
        self.cloud.end()


def done(answer):
    """What the run did, of the report that the function answers with."""
    kind, body, _ = answer
    assert kind == "response", body
    (hunt,) = body["hunts"]
    return hunt | {"writes": len(body["sync"]["enforcement"]["plan"]), "bucket_writes": body["bucket_writes"]}
