"""Our clients against moto, an AWS that we did not write. What moto has of Security Hub: import and get; of Network
Firewall: firewalls; of SSM: parameters."""

import json
import os
import subprocess

import boto3
import pytest

PRODUCT = "arn:aws:securityhub:us-east-1:123456789012:product/123456789012/default"


def finding(number: int, **more) -> dict:
    return {
        "SchemaVersion": "2018-10-08",
        "Id": f"intelwall/judge/{number}",
        "ProductArn": PRODUCT,
        "GeneratorId": "judge",
        "AwsAccountId": "123456789012",
        "CreatedAt": "2026-11-24T14:03:04Z",
        "UpdatedAt": "2026-11-24T14:03:04Z",
        "Title": "Bad domain — ünïcødé",
        "Description": 'A "quoted" text\nwith a line break',
        "Severity": {"Label": "HIGH"},
        "Resources": [{"Type": "AwsEc2Instance", "Id": "i-1"}],
        **more,
    }


@pytest.fixture()
def boto(moto):
    def client(service):
        return boto3.client(
            service, endpoint_url=moto, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y"
        )

    return client


@pytest.fixture()
def call(moto, binary, tmp_path):
    """call(operation, **arguments): what our client makes of the answer."""
    environment = {
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": moto,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "NO_PROXY": "127.0.0.1",
    }

    def run(operation, /, **arguments):
        line = json.dumps({"call": operation, **arguments}) + "\n"
        done = subprocess.run(
            [binary("judge_aws")], input=line, capture_output=True, text=True, env=environment, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_imported_findings_are_what_boto3_reads(call, boto):
    sent = [finding(n) for n in range(3)]
    assert call("batch_import_findings", findings=sent) == {"ok": {"accepted": 3, "failures": []}}
    read = boto("securityhub").get_findings()["Findings"]
    assert [f["Id"] for f in read] == [f["Id"] for f in sent]
    assert read[0]["Title"] == sent[0]["Title"]
    assert read[0]["Description"] == sent[0]["Description"]


def test_more_than_a_batch_is_sent_in_parts(call, boto):
    answer = call("batch_import_findings", findings=[finding(n) for n in range(250)])
    assert answer["ok"]["accepted"] == 250
    pages = boto("securityhub").get_paginator("get_findings").paginate()
    assert len({f["Id"] for page in pages for f in page["Findings"]}) == 250


def test_a_failure_inside_a_200_is_told(call):
    answer = call("batch_import_findings", findings=[finding(1), finding(2, Resources=[])])
    assert answer["ok"]["accepted"] == 1
    assert [f["id"] for f in answer["ok"]["failures"]] == ["intelwall/judge/2"]
    assert "resource" in answer["ok"]["failures"][0]["message"]


def test_get_reads_what_boto3_imported_over_pages(call, boto):
    hub = boto("securityhub")
    for start in range(0, 230, 100):
        hub.batch_import_findings(Findings=[finding(n) for n in range(start, min(start + 100, 230))])
    answer = call("get_findings", ids=["intelwall/judge/3", "intelwall/judge/229"])
    assert sorted(f["Id"] for f in answer["ok"]) == ["intelwall/judge/229", "intelwall/judge/3"]
    assert answer["ok"][0]["Title"] == "Bad domain — ünïcødé"
    assert call("get_findings", ids=["no such finding"]) == {"ok": []}


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("batch_update_findings", {"findings": [{"Id": "a", "ProductArn": PRODUCT}], "note": "blocked"}),
        ("ensure_action_target", {"id": "intelwallBlock", "name": "Block the domain"}),
    ],
)
def test_a_route_that_moto_lacks_is_an_error_in_words(call, name, arguments):
    error = call(name, **arguments)["error"]
    assert error["code"] in ("protocol", "not_found", "unavailable")
    assert "securityhub" in error["place"]
    assert "\n" not in error["message"]


def test_parameters_go_both_ways(call, boto):
    missing = call("get_parameter", name="/intelwall/allow")
    assert missing["error"]["code"] == "not_found"
    assert missing["error"]["message"].startswith("ParameterNotFound")
    assert call("put_parameter", name="/intelwall/allow", value="good.example\n*.better.example") == {"ok": True}
    assert boto("ssm").get_parameter(Name="/intelwall/allow")["Parameter"]["Value"] == "good.example\n*.better.example"
    assert call("put_parameter", name="/intelwall/allow", value="x" * 5000) == {"ok": True}
    assert call("get_parameter", name="/intelwall/allow") == {"ok": "x" * 5000}
    assert call("put_parameter", name="/intelwall/allow", value="x" * 9000)["error"]["code"] == "quota"


def test_firewalls_are_listed_and_described(call, boto):
    firewalls = boto("network-firewall")
    policy = "arn:aws:network-firewall:us-east-1:123456789012:firewall-policy/p"
    made = [
        firewalls.create_firewall(
            FirewallName=f"fw-{n}", FirewallPolicyArn=policy, VpcId="vpc-1", SubnetMappings=[{"SubnetId": "subnet-1"}]
        )["Firewall"]["FirewallArn"]
        for n in range(3)
    ]
    assert sorted(call("list_firewalls")["ok"]) == sorted(made)
    for name in ("fw-1", made[1]):
        answer = call("describe_firewall", name=name)["ok"]
        assert answer["arn"] == made[1]
        assert answer["name"] == "fw-1"
        assert answer["policy_arn"] == policy
    assert call("describe_firewall", name="none")["error"]["code"] == "not_found"


def test_nobody_listens(binary, tmp_path):
    environment = {
        "HOME": str(tmp_path), "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "y",
    }  # fmt: skip
    done = subprocess.run(
        [binary("judge_aws")], input='{"call":"list_firewalls"}\n', capture_output=True, text=True, env=environment,
        timeout=60,
    )  # fmt: skip
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "unavailable"
    assert "refused" in error["message"]
    assert error["hint"]


def test_instances_by_their_addresses(boto, call):
    ec2 = boto("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    instances = ec2.run_instances(ImageId="ami-12345678", MinCount=2, MaxCount=2, SubnetId=subnet)["Instances"]
    addresses = {each["PrivateIpAddress"]: each["InstanceId"] for each in instances}
    lonely = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["PrivateIpAddress"]
    asked = [*addresses, lonely, "203.0.113.200"]
    assert call("instances_at", addresses=asked) == {"ok": addresses}
