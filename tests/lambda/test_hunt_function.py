"""The hunt function: the lab's Falcon and Network Firewall, S3 and Secrets Manager of moto and of the lab, and the Runtime API."""

import json
import pathlib
import re
import subprocess
import sys

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer

ROOT = pathlib.Path(__file__).parents[2]
sys.path += [str(ROOT / "tests"), str(ROOT / "tests" / "lab"), str(pathlib.Path(__file__).parent)]
from cloud_judge import JudgedCloud  # noqa: E402
from judged_falcon import JudgedFalcon  # noqa: E402
from runtime_api import RuntimeApi  # noqa: E402

BUCKET = "intelwall-state"
FILTER = "indicator:*'*.hunted-test.com'+malicious_confidence:'high'"


@pytest.fixture
def moto():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    requests.post(f"http://{host}:{port}/moto-api/reset", timeout=10).raise_for_status()  # its state is the process's
    yield f"http://{host}:{port}"
    server.stop()


class World:
    """What the function lives in, and the function itself: a new one stands for a cold start. `state` is the address of
    S3 and Secrets Manager; none: the lab's."""

    def __init__(self, binary, state, place):
        self.program, self.place = binary("intelwall"), place
        self.falcon, self.cloud = JudgedFalcon(binary("judge_falcon"), 2, 1800, 1799, 10), JudgedCloud(binary("judge_cloud"))
        client = self.cloud.client if state is None else lambda service: boto3.client(
            service, endpoint_url=state, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y")  # fmt: skip
        self.s3 = client("s3")
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        secret = client("secretsmanager").create_secret(Name="falcon", SecretString=json.dumps(
            {key: self.falcon.keys[key] for key in ("client_id", "client_secret")}))  # fmt: skip
        self.environment = self.cloud.environment() | {
            "_HANDLER": "hunt", "INTELWALL_FIREWALL": "lab", "AWS_ENDPOINT_URL_S3": state or self.cloud.url, "AWS_ENDPOINT_URL_SECRETS_MANAGER": state or self.cloud.url,
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
                                   env=self.environment | variables | own)  # fmt: skip
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


@pytest.fixture(params=["moto", "lab"])
def world(binary, request, tmp_path):
    """The state is kept in an AWS that we did not write, and in the lab's."""
    world = World(binary, request.getfixturevalue("moto") if request.param == "moto" else None, tmp_path)
    yield world
    world.end()


def done(answer):
    """What the run did, of the report that the function answers with."""
    kind, body, _ = answer
    assert kind == "response", body
    (hunt,) = body["hunts"]
    return hunt | {"writes": len(body["sync"]["enforcement"]["plan"]), "bucket_writes": body["bucket_writes"]}


def test_the_bucket_is_all_that_is_kept(world):
    names = {f"n{i}.hunted-test.com" for i in range(20)}
    world.put(*names, actors=["SALTYSPIDER"])
    one = world.function()
    first = done(one.invoke({}))
    assert (first["added"], first["kept"], first["run"]) == (20, 20, "full") and first["writes"] == 2
    assert world.watched() == names
    assert {key for key, _ in world.versions()} == {"hunts/apt/manifest.jsonl.zst", "hunts/apt/cursor.json"}

    # Nothing changed: nothing is written, neither to the firewall nor to the bucket; warm and after a cold start.
    before = world.versions()
    again = done(one.invoke({}))
    assert (again["writes"], again["bucket_writes"]) == (0, 0)
    two = world.function("two")
    cold = done(two.invoke({}))
    assert (cold["run"], cold["writes"], cold["kept"]) == ("delta", 0, 20)
    assert world.versions() == before

    # What one of them sees the other knows.
    world.put("n3.hunted-test.com", deleted=True)
    world.put("new.hunted-test.com")
    changed = done(two.invoke({}))
    assert (changed["added"], changed["removed"]) == (1, 1)
    assert world.watched() == names - {"n3.hunted-test.com"} | {"new.hunted-test.com"}
    known = done(one.invoke({}))
    assert (known["added"], known["removed"], known["kept"], known["writes"]) == (0, 0, 20, 0)

    secret = world.falcon.keys["client_secret"]
    assert secret not in "".join(path.read_text() for path in world.place.glob("*.log"))


def test_another_query_takes_out_what_it_does_not_name(world):
    world.put(*(f"n{i}.hunted-test.com" for i in range(20)))
    world.put("other.hunted-too.com")
    done(world.function().invoke({}))
    changed = done(world.function("two", INTELWALL_HUNT_FQL="indicator:*'*.hunted-too.com'").invoke({}))
    assert (changed["added"], changed["removed"]) == (1, 20)
    assert world.watched() == {"other.hunted-too.com"}


def test_an_outage_or_a_damaged_object_changes_nothing(world):
    world.put("n1.hunted-test.com")
    one = world.function()
    done(one.invoke({}))
    world.falcon.lab("faults", fault="api", path="/intel", status=500, times=50)
    kind, body, error_type = one.invoke({})
    assert (kind, error_type) == ("error", "Intelwall.Unavailable"), body
    assert world.watched() == {"n1.hunted-test.com"}
    world.falcon.lab("faults", fault="api", path="/intel", status=500, times=0)
    world.s3.put_object(Bucket=BUCKET, Key="hunts/apt/manifest.jsonl.zst", Body=b"no manifest")
    kind, body, error_type = world.function("two").invoke({})
    assert (kind, error_type) == ("error", "Intelwall.Protocol"), body
    assert "earlier version" in body["errorMessage"] and world.watched() == {"n1.hunted-test.com"}


@pytest.mark.parametrize("variables, place", [
    ({"INTELWALL_HUNT_FQL": ""}, "INTELWALL_HUNT_FQL"), ({"INTELWALL_STATE_BUCKET": ""}, "INTELWALL_STATE_BUCKET"),
    ({"INTELWALL_HUNT_LIMIT": "many"}, "INTELWALL_HUNT_LIMIT"), ({"INTELWALL_HUNT_ACTION": "smash"}, "smash"),
])  # fmt: skip
def test_a_wrong_setting_ends_the_start(world, variables, place):
    api = world.function("wrong", **variables)
    assert api.polled.wait(20)
    assert api.init_error[1]["errorType"].startswith("Intelwall.") and place in api.init_error[1]["errorMessage"]
    process = world.functions.pop()[1]
    assert process.wait(timeout=20) == 1
