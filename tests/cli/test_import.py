"""import as its user meets it: a group that boto3 made, and Squid's files, against the lab's cloud without packets."""

import json
import subprocess

import pytest


@pytest.fixture
def intelwall(binary, cloud, tmp_path):
    def run(*arguments, **more):
        return subprocess.run(
            [binary("intelwall"), *arguments], capture_output=True, text=True, cwd=tmp_path, timeout=120,
            env=cloud.environment() | {"HOME": str(tmp_path), "INTELWALL_FIREWALL": "lab"} | more,
        )  # fmt: skip

    return run


def blocked(intelwall):
    return {(each["domain"], each["scope"], each["action"]) for each in
            json.loads(intelwall("list", "--json").stdout)["decisions"]}  # fmt: skip


def test_help_has_examples(intelwall):
    result = intelwall("import", "--help")
    assert result.returncode == 0 and "Examples:" in result.stdout and "--apply" in result.stdout


def test_a_domain_list_of_the_first_integration(intelwall, cloud):
    client = cloud.client("network-firewall")
    made = client.create_rule_group(
        RuleGroupName="domain-deny-list", Type="STATEFUL", Capacity=100,
        RuleGroup={
            "RulesSource": {"RulesSourceList": {
                "Targets": [".evil.com", "exact.example", "www.evil.com", ".amazonaws.com", "wikipedia.org"],
                "TargetTypes": ["TLS_SNI", "HTTP_HOST"], "GeneratedRulesType": "DENYLIST"}},
            "StatefulRuleOptions": {"RuleOrder": "STRICT_ORDER"}},
    )  # fmt: skip
    arn = made["RuleGroupResponse"]["RuleGroupArn"]
    planned = intelwall("import", "domain-deny-list")
    assert planned.returncode == 4, planned.stderr
    assert "Nothing was changed" in planned.stdout and "[protected-zone]" in planned.stdout
    assert blocked(intelwall) == set()

    adopted = intelwall("import", arn, "--apply", "--expires", "never")
    assert adopted.returncode == 3, adopted.stderr  # a zone is refused, a popular name is asked about
    assert {("evil.com", "subdomains", "drop"), ("exact.example", "exact", "drop")} == blocked(intelwall)

    again = json.loads(intelwall("import", arn, "--apply", "--expires", "never", "--json").stdout)
    assert again["counts"] == {"adopt": 0, "covered": 3, "ask": 1, "refuse": 1, "unread": 0}
    assert again["enforcement"]["plan"] == []
    assert client.describe_rule_group(RuleGroupArn=arn)["UpdateToken"] == made["UpdateToken"]

    forced = intelwall("import", arn, "--apply", "--force", "--expires", "never")
    assert forced.returncode == 3 and ("wikipedia.org", "exact", "drop") in blocked(intelwall)


def test_rules_on_names(intelwall, cloud):
    cloud.client("network-firewall").create_rule_group(
        RuleGroupName="demo", Type="STATEFUL", Capacity=100,
        RuleGroup={
            "RulesSource": {"RulesString":
                'alert tls $HOME_NET any -> $EXTERNAL_NET any (tls.sni; dotprefix; content:".evil.com"; nocase; '
                'endswith; msg:"m"; sid:1; rev:1;)\n'
                'drop http $HOME_NET any -> $EXTERNAL_NET any (http.host; content:"bad.example"; startswith; endswith; '
                'msg:"m"; sid:2; rev:1;)\n'
                'drop tcp any any -> any 389 (msg:"alert rdp"; sid:3; rev:1;)\n'},
            "StatefulRuleOptions": {"RuleOrder": "STRICT_ORDER"}},
    )  # fmt: skip
    result = intelwall("import", "demo", "--apply")
    assert result.returncode == 3
    assert 'demo, number 3: "drop tcp any any' in result.stderr and "looks at no name" in result.stderr
    assert {("evil.com", "subdomains", "alert"), ("bad.example", "exact", "drop")} == blocked(intelwall)


def test_squid(intelwall, tmp_path):
    (tmp_path / "bad.txt").write_text(".third.example\n10.0.0.1\n")
    (tmp_path / "squid.conf").write_text(
        'acl bad dstdomain .evil.com\nacl bad dstdomain "bad.txt"\nacl sni ssl::server_name exact.example\n'
        "http_access deny bad\n"
    )
    result = intelwall("import", "squid.conf")
    assert result.returncode == 2 and "bad, sni" in result.stderr
    result = intelwall("import", "squid.conf", "--acl", "bad", "--apply", "--action", "alert")
    assert result.returncode == 3
    assert 'bad.txt:2: "10.0.0.1"' in result.stderr
    result = intelwall("import", "squid.conf", "--acl", "sni", "--apply")
    assert result.returncode == 0 and "take its ACL out of squid.conf" in result.stdout
    assert blocked(intelwall) == {("evil.com", "subdomains", "alert"), ("third.example", "subdomains", "alert"),
                                  ("exact.example", "exact", "drop")}  # fmt: skip
    assert intelwall("import", "squid.conf", "--acl", "sni").returncode == 0
    assert intelwall("import", "gone.txt").returncode == 1


def test_two_thousand_names_and_one_more(intelwall, tmp_path):
    names = [f".n{i}.example" for i in range(2000)]
    (tmp_path / "long.txt").write_text("\n".join(names))
    assert intelwall("import", "long.txt", "--apply").returncode == 0
    (tmp_path / "long.txt").write_text("\n".join(names + [".another.example"]))
    planned = json.loads(intelwall("import", "long.txt", "--json").stdout)
    assert planned["counts"]["adopt"] == 1 and planned["counts"]["covered"] == 2000
    assert [len(step["added"]) for step in planned["enforcement"]["plan"]] == [2]
