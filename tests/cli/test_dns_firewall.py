"""DNS Firewall as an enforcement point, alone and beside a Network Firewall, against the lab's cloud. What intelwall sends
passes a proxy that holds each request and each answer against botocore's service model (moto has no DNS Firewall)."""

import http.server
import json
import subprocess
import threading
import urllib.error
import urllib.request

import botocore.session
import pytest
from botocore.validate import ParamValidator
from cloud_judge import judge_answer

GROUP = "rslvr-frg-0123456789abcdef0"


class JudgingProxy:
    """Forwards to the lab; remembers operations of Route 53 Resolver and how they depart from the model."""

    def __init__(self, url):
        self.calls, self.problems = [], []
        model = botocore.session.get_session().get_service_model("route53resolver")
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                target = self.headers.get("X-Amz-Target", "")
                request = urllib.request.Request(url + self.path, body, dict(self.headers))
                request.add_unredirected_header("Host", self.headers["Host"])
                try:
                    with urllib.request.urlopen(request, timeout=60) as answer:
                        status, headers, out = answer.status, answer.headers, answer.read()
                except urllib.error.HTTPError as fault:
                    status, headers, out = fault.code, fault.headers, fault.read()
                if target.startswith("Route53Resolver."):
                    proxy.judge(model.operation_model(target.split(".")[1]), body, status, headers, out)
                self.send_response(status)
                for name in ("Content-Type", "x-amzn-RequestId", "x-amzn-ErrorType"):
                    if headers.get(name):
                        self.send_header(name, headers[name])
                self.send_header("Content-Length", str(len(out)))
                self.end_headers()
                self.wfile.write(out)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def judge(self, operation, body, status, headers, out):
        self.calls.append(operation.name)
        report = ParamValidator().validate(json.loads(body), operation.input_shape)
        if report.has_errors():
            self.problems.append(f"{operation.name}: {report.generate_report()}")
        try:
            judge_answer(operation, {"status_code": status, "headers": headers, "body": out})
        except AssertionError as fault:
            self.problems.append(str(fault))

    def taken(self):
        """What was called since the last time."""
        calls, self.calls = self.calls, []
        return calls


@pytest.fixture
def proxy(cloud):
    proxy = JudgingProxy(cloud.url)
    yield proxy
    proxy.server.shutdown()
    assert proxy.problems == []


@pytest.fixture
def intelwall(binary, cloud, proxy, tmp_path):
    def run(*arguments, **more):
        environment = cloud.environment() | {
            "AWS_ENDPOINT_URL_ROUTE53RESOLVER": proxy.url, "HOME": str(tmp_path), "INTELWALL_DNS_FIREWALL": GROUP,
            "INTELWALL_STATE": str(tmp_path / "state"), "INTELWALL_ACTOR": "jane",
        }  # fmt: skip
        return subprocess.run([binary("intelwall"), *arguments], capture_output=True, text=True, cwd=tmp_path,
                              timeout=120, env=environment | more)  # fmt: skip

    return run


@pytest.fixture
def dns(cloud):
    client = cloud.client("route53resolver")

    def names(kind):
        for each in client.list_firewall_domain_lists()["FirewallDomainLists"]:
            if each["Name"] == f"intelwall-{kind}":
                pages = client.get_paginator("list_firewall_domains").paginate(FirewallDomainListId=each["Id"])
                return sorted(name.rstrip(".") for page in pages for name in page["Domains"])
        return None

    names.client = client
    return names


def decisions(intelwall, **more):
    return {each["domain"]: each for each in json.loads(intelwall("list", "--json", **more).stdout)["decisions"]}


def test_alone_the_lists_are_the_record(intelwall, dns, proxy):
    planned = intelwall("block", "evil.com", "--plan")
    assert planned.returncode == 4, planned.stderr
    assert "*.evil.com" in planned.stdout and "BLOCK intelwall-block" in planned.stdout and dns("block") is None

    result = intelwall("block", "evil.com", "--reason", "INC-4711")
    assert result.returncode == 0, result.stderr
    assert intelwall("block", "only.example", "--exact", "--expires", "never").returncode == 0
    assert intelwall("block", "watched.example", "--action", "alert").returncode == 0
    assert dns("block") == ["*.evil.com", "evil.com", "only.example"]
    assert dns("alert") == ["*.watched.example", "watched.example"]
    assert len(dns("record")) == 3

    there = decisions(intelwall)
    assert {name: (each["scope"], each["action"]) for name, each in there.items()} == {
        "evil.com": ("subdomains", "drop"), "only.example": ("exact", "drop"),
        "watched.example": ("subdomains", "alert")}  # fmt: skip
    assert there["evil.com"]["reason"] == "INC-4711" and there["evil.com"]["actor"] == "jane"
    assert there["evil.com"]["expires_at"] and there["only.example"]["expires_at"] is None

    rules = dns.client.list_firewall_rules(FirewallRuleGroupId=GROUP)["FirewallRules"]
    assert [(each["Action"], each.get("BlockResponse"), each["Priority"]) for each in rules] == [
        ("BLOCK", "NXDOMAIN", 100), ("ALERT", None, 200)]  # fmt: skip

    proxy.taken()
    assert intelwall("block", "only.example", "--exact", "--expires", "never", "--plan").returncode == 0
    assert intelwall("plan").returncode == 0
    assert not {each for each in proxy.taken() if not each.startswith(("List", "Get"))}
    assert intelwall("explain", "www.evil.com").returncode == 0

    # The same name under another action changes its list.
    assert intelwall("block", "watched.example").returncode == 0
    assert dns("alert") == [] and "*.watched.example" in dns("block")
    for name in there:
        assert intelwall("unblock", name).returncode == 0
    assert dns("block") == [] and dns("record") == []


def test_names_of_others_stay(intelwall, dns):
    intelwall("block", "evil.com")
    lists = dns.client.list_firewall_domain_lists()["FirewallDomainLists"]
    ours = next(each["Id"] for each in lists if each["Name"] == "intelwall-block")
    dns.client.update_firewall_domains(FirewallDomainListId=ours, Operation="ADD", Domains=["theirs.example"])
    assert set(decisions(intelwall)) == {"evil.com"}
    intelwall("block", "more.example")
    intelwall("unblock", "evil.com")
    assert dns("block") == ["*.more.example", "more.example", "theirs.example"]
    # A record whose names somebody took out is told.
    dns.client.update_firewall_domains(FirewallDomainListId=ours, Operation="REMOVE", Domains=["more.example"])
    assert "has lost the names" in intelwall("list").stderr


def test_expiry(intelwall, dns):
    intelwall("block", "short.example", "--expires", "1s")
    intelwall("block", "long.example")
    while (planned := intelwall("expire", "--plan")).returncode != 4:  # a second must pass
        assert planned.returncode == 0, planned.stderr
    assert intelwall("expire").returncode == 0
    assert dns("block") == ["*.long.example", "long.example"]


def test_a_long_list_goes_in_batches(intelwall, dns, proxy, tmp_path):
    (tmp_path / "long.txt").write_text("\n".join(f".n{i}.example" for i in range(1200)))
    assert intelwall("import", "long.txt", "--apply").returncode == 0
    assert len(dns("block")) == 2400 and len(dns("record")) == 1200
    assert proxy.taken().count("UpdateFirewallDomains") == 2 + 3
    assert intelwall("import", "long.txt").returncode == 0
    full = intelwall("block", "one.more.example", INTELWALL_DNS_FIREWALL_DOMAINS="3601")
    assert full.returncode == 1 and "3600 of 3601" in full.stderr


def test_beside_a_network_firewall(intelwall, dns):
    both = {"INTELWALL_FIREWALL": "lab"}
    result = intelwall("block", "evil.com", "--reason", "INC-1", **both)
    assert result.returncode == 0, result.stderr
    assert dns("block") == ["*.evil.com", "evil.com"]
    assert decisions(intelwall, **both)["evil.com"]["group"] == "intelwall-blocks-1"
    assert decisions(intelwall)["evil.com"]["reason"] == "INC-1"
    assert intelwall("plan", **both).returncode == 0
    # What was decided before DNS Firewall was named, and what its lists have lost, comes with the next change.
    intelwall("block", "earlier.example", INTELWALL_FIREWALL="lab", INTELWALL_DNS_FIREWALL="none")
    intelwall("unblock", "evil.com")
    planned = intelwall("plan", **both)
    assert planned.returncode == 4 and "*.earlier.example" in planned.stdout and "*.evil.com" in planned.stdout
    assert intelwall("apply", "--yes", **both).returncode == 0
    assert set(dns("block")) == {"*.earlier.example", "earlier.example", "*.evil.com", "evil.com"}
    assert intelwall("unblock", "evil.com", **both).returncode == 0
    assert dns("block") == ["*.earlier.example", "earlier.example"]


def test_bad_settings(intelwall):
    wrong = intelwall("list", INTELWALL_DNS_FIREWALL="my-group")
    assert wrong.returncode == 1 and "rslvr-frg-" in wrong.stderr
    missing = intelwall("list", INTELWALL_DNS_FIREWALL="rslvr-frg-none")
    assert missing.returncode == 1 and "rslvr-frg-none" in missing.stderr


def test_doctor(intelwall):
    alone = json.loads(intelwall("doctor", "--json").stdout)
    assert alone["firewall"] == GROUP and "dns-firewall" in [each["code"] for each in alone["checks"]]
    beside = json.loads(intelwall("doctor", "--json", INTELWALL_FIREWALL="lab").stdout)
    assert {"dns-firewall", "firewall"} <= {each["code"] for each in beside["checks"]}
    missing = json.loads(intelwall("doctor", "--json", INTELWALL_DNS_FIREWALL="rslvr-frg-none").stdout)
    assert "dns-firewall-unreadable" in [each["code"] for each in missing["checks"]]
