"""Hunts in DNS Firewall as their user meets them, alone and beside a Network Firewall: boto3 reads the lab's lists, and what
intelwall sends is judged by botocore's model."""

import json
import subprocess

import pytest
from test_dns_firewall import GROUP, dns, proxy  # noqa: F401

NAMES = [f"n{i}.hunted-test.com" for i in range(1200)]


@pytest.fixture
def run(binary, cloud, proxy, tmp_path):  # noqa: F811
    def run(*arguments, code=0, **more):
        environment = cloud.environment() | {
            "AWS_ENDPOINT_URL_ROUTE53RESOLVER": proxy.url, "HOME": str(tmp_path), "INTELWALL_DNS_FIREWALL": GROUP,
            "INTELWALL_STATE": str(tmp_path / "state"),
        }  # fmt: skip
        done = subprocess.run([binary("intelwall"), "hunt", *arguments], capture_output=True, text=True, cwd=tmp_path,
                              timeout=120, env=environment | more)  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout) if "--json" in arguments else done.stdout + done.stderr

    return run


def both(names):
    return sorted([*names, *(f"*.{name}" for name in names)])


def writes(proxy):  # noqa: F811
    return [each for each in proxy.taken() if not each.startswith(("List", "Get"))]


def test_the_lists_hold_the_hunts_domains(run, dns, proxy, tmp_path):  # noqa: F811
    feed = tmp_path / "feed.txt"
    feed.write_text("\n".join(NAMES))
    run("add", "feed", "--source", str(feed))
    planned = run("run", "feed", "--plan", "--json", code=4)
    assert dns("hunts-alert") is None and not writes(proxy)
    steps = planned["sync"]["dns_firewall"]["enforcement"]["plan"]
    assert [each["step"] for each in steps] == ["create-group", "update-policy"]

    ran = run("run", "feed", "--json")
    assert ran["sync"]["dns_firewall"]["enforced"] == 1200 and ran["sync"]["dns_firewall"]["names"] == 2400
    assert dns("hunts-alert") == both(NAMES)
    assert writes(proxy) == ["CreateFirewallDomainList", "CreateFirewallRule"] + 3 * ["UpdateFirewallDomains"]
    rules = dns.client.list_firewall_rules(FirewallRuleGroupId=GROUP)["FirewallRules"]
    assert [(each["Name"], each["Action"], each["Priority"]) for each in rules] == [("intelwall-hunts-alert", "ALERT", 250)]

    assert run("run", "--all", "--json")["sync"]["dns_firewall"]["unchanged"]
    assert "dns firewall: as it was, nothing written" in run("run", "--all", "--full")
    assert not writes(proxy)

    # A list that shrinks too much changes nothing; a little is followed.
    feed.write_text("\n".join(NAMES[:100]))
    assert "would leave at once" in run("run", "feed", code=1)
    assert dns("hunts-alert") == both(NAMES) and not writes(proxy)
    feed.write_text("\n".join(NAMES[:1100]))
    assert "2 writes" not in run("run", "feed")
    assert dns("hunts-alert") == both(NAMES[:1100])
    assert writes(proxy) == ["UpdateFirewallDomains"]
    run("rm", "feed")
    assert dns("hunts-alert") == []


def test_beside_a_network_firewall_a_drop_blocks(run, dns, proxy, tmp_path):  # noqa: F811
    (tmp_path / "feed.txt").write_text("a.hunted-test.com\nb.hunted-test.com\n")
    run("add", "feed", "--source", str(tmp_path / "feed.txt"), "--action", "drop", INTELWALL_FIREWALL="lab")
    told = run("run", "feed", INTELWALL_FIREWALL="lab")
    assert "firewall: 2 domains in " in told and "dns firewall: 2 domains in 4 of 98000 names" in told
    assert dns("hunts-block") == both(["a.hunted-test.com", "b.hunted-test.com"])
    rules = dns.client.list_firewall_rules(FirewallRuleGroupId=GROUP)["FirewallRules"]
    assert [(each["Action"], each["BlockResponse"], each["Priority"]) for each in rules] == [("BLOCK", "NXDOMAIN", 150)]


def test_the_quotas_overflow_is_named_and_a_quota_that_grows_is_used(run, dns, proxy, tmp_path):  # noqa: F811
    (tmp_path / "feed.txt").write_text("\n".join(NAMES[:60]))
    run("add", "feed", "--source", str(tmp_path / "feed.txt"))
    small = run("run", "feed", "--json", INTELWALL_DNS_FIREWALL_DOMAINS="102")["sync"]["dns_firewall"]
    assert small["room"] == 100 and small["enforced"] == 50
    kept = {name for name in dns("hunts-alert") if not name.startswith("*.")}
    assert {each["domain"] for each in small["left_out"]} == set(NAMES[:60]) - kept
    proxy.taken()
    told = run("run", "feed", INTELWALL_DNS_FIREWALL_DOMAINS="102")
    assert "10  left out, because the account's quota has no room for more" in told
    assert not writes(proxy)
    run("run", "feed")
    assert dns("hunts-alert") == both(NAMES[:60])


def test_what_dns_firewall_refuses_is_told_and_the_rules_stand(run, tmp_path):
    (tmp_path / "feed.txt").write_text("a.hunted-test.com\n")
    run("add", "feed", "--source", str(tmp_path / "feed.txt"))
    settings = {"INTELWALL_FIREWALL": "lab", "INTELWALL_DNS_FIREWALL": "rslvr-frg-none"}
    done = run("run", "feed", code=3, **settings)
    assert "firewall: 1 domains in " in done and "rslvr-frg-none" in done
    assert "rslvr-frg-none" in run("run", "feed", code=1, INTELWALL_DNS_FIREWALL="rslvr-frg-none")
