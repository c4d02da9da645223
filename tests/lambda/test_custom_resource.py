"""The custom-resource function as CloudFormation calls it: the lab's Network Firewall, moto's S3 and EC2, boto3's presigned
URL for the answer."""

import json
import pathlib
import subprocess

import boto3
import pytest

ROOT = pathlib.Path(__file__).parents[2]
from cloud_judge import JudgedCloud
from runtime_api import RuntimeApi

ANSWERS, STATE = "answers", "intelwall-state"


class World:
    def __init__(self, binary, moto, log):
        def client(service):
            return boto3.client(
                service, endpoint_url=moto, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y"
            )

        self.s3, self.ec2 = client("s3"), client("ec2")
        self.s3.create_bucket(Bucket=ANSWERS)
        self.cloud = JudgedCloud(binary("judge_cloud"))
        self.firewall = self.cloud.client("network-firewall")
        self.api = RuntimeApi()
        self.process = subprocess.Popen(
            [binary("intelwall"), "lambda"],
            stderr=log.open("w"),
            env=self.cloud.environment()
            | {"_HANDLER": "custom-resource", "AWS_ENDPOINT_URL_S3": moto, "AWS_ENDPOINT_URL_EC2": moto,
               "AWS_LAMBDA_RUNTIME_API": self.api.host},
        )  # fmt: skip

    def ask(self, kind, physical_id=None, **properties):
        """What CloudFormation is answered."""
        url = self.s3.generate_presigned_url("put_object", Params={"Bucket": ANSWERS, "Key": "arn:aws:x|y/answer"})
        event = {"RequestType": kind, "ResponseURL": url, "StackId": "s", "RequestId": "r", "LogicalResourceId": "l",
                 "ResourceProperties": properties}  # fmt: skip
        if physical_id:
            event["PhysicalResourceId"] = physical_id
        how, told, _ = self.api.invoke(event)
        assert how == "response", told
        answer = json.loads(self.s3.get_object(Bucket=ANSWERS, Key="arn:aws:x|y/answer")["Body"].read())
        assert (answer["StackId"], answer["RequestId"], answer["LogicalResourceId"]) == ("s", "r", "l")
        return answer

    def references(self):
        arn = self.firewall.describe_firewall(FirewallName="lab")["Firewall"]["FirewallPolicyArn"]
        policy = self.firewall.describe_firewall_policy(FirewallPolicyArn=arn)["FirewallPolicy"]
        return [each["ResourceArn"].rpartition("/")[2] for each in policy.get("StatefulRuleGroupReferences", [])]

    def order(self):
        arn = self.firewall.describe_firewall(FirewallName="lab")["Firewall"]["FirewallPolicyArn"]
        policy = self.firewall.describe_firewall_policy(FirewallPolicyArn=arn)["FirewallPolicy"]
        return policy.get("StatefulEngineOptions", {}).get("RuleOrder", "DEFAULT_ACTION_ORDER")


@pytest.fixture
def world(binary, moto, tmp_path):
    made = World(binary, moto, tmp_path / "log")
    yield made
    made.process.terminate()
    made.process.wait(10)
    made.api.end()
    made.cloud.end()


def test_groups_join_the_policy_and_leave_it(world):
    before = world.references()
    properties = {"Kind": "PolicyReferences", "Firewall": "lab", "Prefix": "iw", "RuleOrder": world.order(), "Capacity": "200",
                  "Priority": "500", "Groups": ["blocks-1", "hunts-1"], "Attach": "yes"}  # fmt: skip
    made = world.ask("Create", **properties)
    assert made["Status"] == "SUCCESS", made
    assert sorted(world.references()) == sorted([*before, "iw-blocks-1", "iw-hunts-1"])
    again = world.ask("Update", made["PhysicalResourceId"], **properties)
    assert (again["Status"], again["PhysicalResourceId"]) == ("SUCCESS", made["PhysicalResourceId"])
    for _ in range(2):
        assert world.ask("Delete", made["PhysicalResourceId"], **properties)["Status"] == "SUCCESS"
        assert world.references() == before
    assert not [g for g in world.firewall.list_rule_groups(Scope="ACCOUNT")["RuleGroups"] if g["Name"].startswith("iw-")]


def test_a_firewall_that_does_not_fit_is_refused_with_the_reason(world):
    fits = {"Kind": "ValidateFirewall", "Firewall": "lab", "RuleOrder": world.order(), "Capacity": "30000"}
    answer = world.ask("Create", **fits)
    assert answer["Status"] == "SUCCESS", answer
    assert answer["Data"]["FirewallArn"] == world.firewall.describe_firewall(FirewallName="lab")["Firewall"]["FirewallArn"]
    other = {"STRICT_ORDER": "DEFAULT_ACTION_ORDER", "DEFAULT_ACTION_ORDER": "STRICT_ORDER"}[world.order()]
    for wrong, reason in (({"RuleOrder": other}, "order"), ({"Capacity": "30001"}, "30000"), ({"Firewall": "none"}, "us-east-1")):
        answer = world.ask("Create", **fits | wrong)
        assert answer["Status"] == "FAILED" and reason in answer["Reason"], answer
        assert world.ask("Delete", answer["PhysicalResourceId"], **fits | wrong)["Status"] == "SUCCESS"


def test_a_bucket_is_emptied_only_when_the_stack_goes(world):
    world.s3.create_bucket(Bucket=STATE)
    world.s3.put_bucket_versioning(Bucket=STATE, VersioningConfiguration={"Status": "Enabled"})
    for body in ("1", "2"):
        world.s3.put_object(Bucket=STATE, Key="hunts/a/cursor.json", Body=body)
    made = world.ask("Create", Kind="EmptyBucket", Bucket=STATE)
    assert len(world.s3.list_object_versions(Bucket=STATE)["Versions"]) == 2
    assert world.ask("Delete", made["PhysicalResourceId"], Kind="EmptyBucket", Bucket=STATE)["Status"] == "SUCCESS"
    world.s3.delete_bucket(Bucket=STATE)
    assert world.ask("Delete", made["PhysicalResourceId"], Kind="EmptyBucket", Bucket=STATE)["Status"] == "SUCCESS"


def test_malformed_properties_are_answered(world):
    for properties in ({}, {"Kind": "None"}, {"Kind": ["x"]}, {"Kind": "ActionTarget"}, {"Kind": "RouteEntry", "Firewall": {}}):
        assert world.ask("Create", **properties)["Status"] == "FAILED"
