"""The forward function between the lab's Falcon and Security Hub, with its keys and its position in moto's Secrets Manager and
S3."""

import json
import subprocess

import boto3
import pytest
from forward_judge import FALCON_ID, FALCON_SECRET, KEY, REGION, SECRET, event, findings_of
from runtime_api import RuntimeApi

BUCKET, POSITION, NAME = "intelwall-state", "forward/alerts.json", "intelwall/falcon"


class Store:
    """S3 and Secrets Manager."""

    def __init__(self, url):
        self.url = url
        keys = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET, "region_name": REGION, "endpoint_url": url}
        self.s3, self.secrets = boto3.client("s3", **keys), boto3.client("secretsmanager", **keys)
        self.s3.create_bucket(Bucket=BUCKET)
        self.keep({"client_id": FALCON_ID, "client_secret": FALCON_SECRET})

    def keep(self, secret):
        text = json.dumps(secret)
        if self.secrets.list_secrets()["SecretList"]:
            self.secrets.put_secret_value(SecretId=NAME, SecretString=text)
        else:
            self.secrets.create_secret(Name=NAME, SecretString=text)

    def position(self):
        """The stored text and its version."""
        found = self.s3.get_object(Bucket=BUCKET, Key=POSITION)
        return found["Body"].read(), found["LastModified"]


@pytest.fixture()
def store(moto):
    return Store(moto)


@pytest.fixture()
def start(binary, falcon, cloud, store, tmp_path):
    """A function in a machine of its own, each time it is called."""
    running = []

    def begin():
        api = RuntimeApi()
        environment = {
            "PATH": "/usr/bin:/bin", "AWS_LAMBDA_RUNTIME_API": api.host, "_HANDLER": "forward", "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL": cloud.url,
            "AWS_ENDPOINT_URL_S3": store.url, "AWS_ENDPOINT_URL_SECRETS_MANAGER": store.url, "FALCON_BASE_URL": falcon.url,
            "INTELWALL_STATE_BUCKET": BUCKET, "INTELWALL_FALCON_SECRET_ARN": NAME,
            "INTELWALL_STATE": str(tmp_path / str(len(running))),
        }  # fmt: skip
        log = (tmp_path / f"{len(running)}.log").open("w")
        running.append((subprocess.Popen([binary("intelwall"), "lambda"], env=environment, stderr=log), api))
        return api

    yield begin
    for process, api in running:
        process.terminate()
        process.wait(20)
        api.end()
    for log in tmp_path.glob("*.log"):
        assert FALCON_SECRET not in log.read_text()


def test_alerts_arrive_once_whatever_machine_runs_the_function(falcon, cloud, store, start):
    hub, one = cloud.client("securityhub"), start()
    falcon.lab("events", events=[event(n) for n in range(30)])
    kind, answer, _ = one.invoke({})
    assert (kind, answer["accepted"], answer["complete"]) == ("response", 30, True), answer
    assert len(findings_of(hub)) == 30
    before = store.position()
    assert one.invoke({})[1]["accepted"] == 0
    assert store.position() == before, "written though nothing changed"
    other = start()
    falcon.lab("events", events=[event(n) for n in range(30, 35)])
    kind, answer, _ = other.invoke({})
    assert (kind, answer["accepted"]) == ("response", 5), answer
    assert len(findings_of(hub)) == 35
    # The first machine's own file is behind by now.
    assert one.invoke({})[1]["accepted"] == 0


def test_what_is_wrong_has_a_type_and_changes_nothing(cloud, store, start):
    api = start()
    kind, answer, error_type = api.invoke(b"[]")
    assert (kind, error_type) == ("error", "Intelwall.InvalidInput"), answer
    store.keep({"client_id": FALCON_ID})
    kind, answer, error_type = api.invoke({})
    assert (kind, error_type) == ("error", "Intelwall.Denied"), answer
    assert FALCON_ID not in json.dumps(answer)
    store.s3.put_object(Bucket=BUCKET, Key=POSITION, Body=b"not a position")
    store.keep({"client_id": FALCON_ID, "client_secret": FALCON_SECRET})
    kind, answer, error_type = api.invoke({})
    assert (kind, error_type) == ("error", "Intelwall.InvalidInput"), answer
    assert store.position()[0] == b"not a position"
    assert not findings_of(cloud.client("securityhub"))
