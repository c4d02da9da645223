"""expire, explain and doctor as their user meets them, against the lab's cloud without packets."""

import json
import pathlib
import subprocess

import pytest


@pytest.fixture
def intelwall(binary, cloud, tmp_path):
    def run(*arguments, **more):
        return subprocess.run(
            [binary("intelwall"), *arguments], capture_output=True, text=True, cwd=tmp_path, timeout=60,
            env=cloud.environment()
            | {"HOME": str(tmp_path), "INTELWALL_FIREWALL": "lab", "INTELWALL_STATE": str(tmp_path / "state")}
            | more,
        )  # fmt: skip

    return run


@pytest.mark.parametrize("command", ["expire", "explain", "doctor"])
def test_help_has_examples(intelwall, command):
    result = intelwall(command, "--help")
    assert result.returncode == 0
    assert "Examples:" in result.stdout and f"intelwall {command}" in result.stdout


def test_expire(intelwall):
    assert intelwall("expire").stdout == "nothing is over\n"
    intelwall("block", "short.example", "--expires", "1s")
    intelwall("block", "long.example")
    while (planned := intelwall("expire", "--plan", "--json")).returncode != 4:  # a second must pass
        assert planned.returncode == 0, planned.stderr
    assert [each["domain"] for each in json.loads(planned.stdout)["lifted"]] == ["short.example"]
    result = intelwall("expire")
    assert result.returncode == 0 and "lifted drop short.example" in result.stdout
    left = json.loads(intelwall("list", "--json").stdout)["decisions"]
    assert [each["domain"] for each in left] == ["long.example"]


def test_history(intelwall, tmp_path):
    assert "knows of no decision" in intelwall("history").stdout
    intelwall("block", "evil.example", "--reason", "INC-1\x1b[31m", INTELWALL_ACTOR="jane")
    intelwall("block", "other.example")
    assert "stands until" in intelwall("history", "www.evil.example").stdout
    intelwall("unblock", "evil.example", INTELWALL_ACTOR="joe")
    told = intelwall("history", "evil.example").stdout
    assert "drop evil.example and its subdomains, by jane, INC-1" in told and "by joe" in told and "\x1b" not in told
    decisions = json.loads(intelwall("history", "--json").stdout)["decisions"]
    assert {each["domain"]: each["lifted_by"] for each in decisions} == {"evil.example": "joe", "other.example": None}
    assert "there is no ledger" in intelwall("history", INTELWALL_STATE="none").stderr
    blocked = intelwall("block", "third.example", INTELWALL_STATE="/dev/null/x")
    assert blocked.returncode == 0 and "not taken down in the ledger" in blocked.stderr


def test_a_domain_list_says_that_it_carries_no_expiry(intelwall):
    result = intelwall("block", "evil.example", "--format", "domain-list", "--expires", "1s", "--json")
    assert result.returncode == 0
    assert [each["code"] for each in json.loads(result.stdout)["warnings"]] == ["no-expiry"]
    assert "no-expiry" in result.stderr
    assert "no-expiry" not in intelwall("block", "evil.example", "--format", "domain-list", "--expires", "never").stderr
    result = intelwall("expire", "--json")
    assert result.returncode == 0
    assert json.loads(result.stdout)["without_dates"] == 1 and "no-expiry" in result.stderr


def test_explain(intelwall, tmp_path):
    intelwall("block", "evil-corp.com", "--reason", "INC-4711")
    (tmp_path / "alert.json").write_text(
        json.dumps({
            "firewall_name": "lab", "availability_zone": "us-east-1a", "event_timestamp": "1790000000",
            "event": {"event_type": "alert", "src_ip": "10.94.0.10", "src_port": 4, "dest_ip": "198.51.100.80",
                      "dest_port": 443, "alert": {"action": "blocked", "signature": "s"}, "tls": {"sni": "evil-corp.com"}},
        }) + "\n"
    )  # fmt: skip
    result = intelwall("explain", "hxxp://evil-corp[.]com", "--log", "alert.json", "--json")
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["state"] == "blocked" and told["why_not"] == []
    assert told["rules"][0]["reason"] == "INC-4711" and told["rules"][0]["group"] == "intelwall-blocks-1"
    assert told["log"]["blocked"] == 1
    result = intelwall("explain", "good.example")
    assert result.returncode == 0 and "[undecided]" in result.stdout
    assert intelwall("explain", "evil-corp.com", "--log", "missing.json").returncode == 3
    assert intelwall("explain", "not a name").returncode == 1
    assert intelwall("explain").returncode == 2


def test_doctor(intelwall, cloud):
    result = intelwall("doctor", "--workload", "10.94.0.0/24", "--json")
    assert result.returncode == 0, result.stdout
    assert json.loads(result.stdout)["ok"] is True
    assert intelwall("doctor", "--workload", "nonsense").returncode == 2
    assert intelwall("doctor", "--workload", "10.20.0.0/16").returncode == 1
    # boto3 makes the faults, as somebody in the account would.
    firewall = cloud.client("network-firewall")
    answer = firewall.update_logging_configuration(FirewallName="lab", LoggingConfiguration={"LogDestinationConfigs": []})
    assert answer["LoggingConfiguration"]["LogDestinationConfigs"] == []
    hub = cloud.client("securityhub")
    (arn,) = [
        each["ActionTargetArn"] for each in hub.describe_action_targets()["ActionTargets"]
        if each["ActionTargetArn"].endswith("/intelwallunblock")
    ]  # fmt: skip
    hub.delete_action_target(ActionTargetArn=arn)
    result = intelwall("doctor", "--json")
    assert result.returncode == 3
    told = {each["code"]: each for each in json.loads(result.stdout)["checks"]}
    assert {"alert-log-missing", "custom-action-missing"} <= set(told)
    assert all(bool(each["hint"]) == (each["severity"] != "ok") for each in told.values())


def test_doctor_without_anything_still_answers(intelwall):
    result = intelwall("doctor", "--json", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert result.returncode == 1
    assert "firewall-unreadable" in {each["code"] for each in json.loads(result.stdout)["checks"]}


def test_the_timer_calls_a_command_that_exists(intelwall):
    unit = (pathlib.Path(__file__).parents[2] / "deploy/systemd/intelwall-expire.service").read_text()
    (line,) = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    program, *arguments = line.removeprefix("ExecStart=").split()
    assert program.endswith("/intelwall")
    assert intelwall(*arguments).returncode == 0
