"""`intelwall hunt` as its user meets it: the lab's Falcon in, the lab's Network Firewall out, boto3 as the judge."""

import http.server
import json
import os
import re
import signal
import subprocess
import threading
import time

import boto3
import pytest
from judged_falcon import JudgedFalcon

SECRET = "judge-secret"
FILTER = "indicator:*'*.hunted-test.com'+malicious_confidence:'high'"


class Lab:
    def __init__(self, binary, directory):
        self.binary = binary("intelwall")
        self.directory = directory
        self.falcon = JudgedFalcon(binary("judge_falcon"), 2, 1800, 1799, 10, secret=SECRET)
        self.cloud = subprocess.Popen([binary("judge_cloud"), SECRET], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.cloud_url = f"http://127.0.0.1:{re.search(r'[0-9]{4,5}', self.cloud.stdout.readline()).group()}"
        self.env = {name: value for name, value in os.environ.items()
                    if not name.startswith(("FALCON_", "AWS_", "INTELWALL_"))}  # fmt: skip
        self.env |= self.falcon.env | {
                     "AWS_ENDPOINT_URL": self.cloud_url, "AWS_ACCESS_KEY_ID": "AKIALABLABLABLABLAB1",
                     "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1", "INTELWALL_FIREWALL": "lab",
                     "INTELWALL_STATE": str(directory / "state")}  # fmt: skip
        self.firewall = boto3.client(
            "network-firewall", endpoint_url=self.cloud_url, region_name="us-east-1",
            aws_access_key_id=self.env["AWS_ACCESS_KEY_ID"], aws_secret_access_key=SECRET)  # fmt: skip

    def put(self, *names, **more):
        self.falcon.lab("indicators", indicators=[
            {"indicator": name, "type": "domain", "malicious_confidence": "high"} | more for name in names])  # fmt: skip

    def start(self, *arguments):
        return subprocess.Popen([self.binary, "hunt", *arguments], env=self.env, cwd=self.directory,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip

    def run(self, *arguments, code=0):
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, f"{out}\n{err}"
        return json.loads(out) if "--json" in arguments else out + err

    def groups(self):
        names = [each["Name"] for each in self.firewall.list_rule_groups(Scope="ACCOUNT")["RuleGroups"]]
        return {name: self.firewall.describe_rule_group(RuleGroupName=name, Type="STATEFUL") for name in names if "-hunts-" in name}

    def watched(self):
        rules = "".join(each["RuleGroup"]["RulesSource"]["RulesString"] for each in self.groups().values())
        return set(re.findall(r'content:"\.([^"]+)"', rules))

    def stop(self):
        for each in (self.falcon.process, self.cloud):
            each.kill()
            each.wait()


@pytest.fixture
def lab(binary, tmp_path):
    lab = Lab(binary, tmp_path)
    yield lab
    lab.stop()


def test_from_query_to_rules_and_back(lab):
    names = {f"n{i}.hunted-test.com" for i in range(20)}
    lab.put(*names, actors=["SALTYSPIDER"])
    preview = lab.run("preview", "--fql", FILTER, "--json")
    assert preview["count"] == 20
    added = lab.run("add", "apt", "--fql", FILTER, "--every", "15m", "--json")
    assert added["every_seconds"] == 900 and added["action"] == "alert"
    assert lab.run("preview", "apt", "--json")["count"] == 20

    planned = lab.run("run", "apt", "--plan", "--json", code=4)
    assert [each["step"] for each in planned["sync"]["enforcement"]["plan"]] == ["create-group", "update-policy"]
    assert lab.groups() == {}
    ran = lab.run("run", "apt", "--json")
    assert ran["sync"]["enforced"] == 20
    assert lab.watched() == names
    tokens = {name: each["UpdateToken"] for name, each in lab.groups().items()}
    assert lab.run("run", "--all", "--json")["sync"]["unchanged"]
    assert {name: each["UpdateToken"] for name, each in lab.groups().items()} == tokens

    lab.put("n3.hunted-test.com", deleted=True)
    lab.put("n4.hunted-test.com", malicious_confidence="low")
    assert "1 gone" in lab.run("run", "apt")
    assert "1 gone" in lab.run("run", "apt", "--full")
    assert lab.watched() == names - {"n3.hunted-test.com", "n4.hunted-test.com"}
    history = {each["domain"]: each for each in lab.run("show", "apt", "--history", "--json")["history"]}
    assert history["n3.hunted-test.com"]["why"] == "revoked"
    assert history["n4.hunted-test.com"]["why"] == "unlisted"
    assert history["n3.hunted-test.com"]["actors"] == ["SALTYSPIDER"]

    listed = lab.run("list", "--json")["hunts"]
    assert [(each["name"], each["kept"]) for each in listed] == [("apt", 18)]
    shown = lab.run("show", "apt", "--json")
    assert len(shown["domains"]) == 18 and shown["domains"][0]["actors"] == ["SALTYSPIDER"]
    assert "SALTYSPIDER" in lab.run("show", "apt")
    assert "hunt apt is gone" in lab.run("rm", "apt")
    assert lab.groups() == {}


@pytest.fixture
def listed():
    """A list on a server that knows versions: what was asked for, and what it tells."""

    class Handler(http.server.BaseHTTPRequestHandler):
        body, version, asked = b"", '"1"', []

        def do_GET(self):
            known = self.headers.get("If-None-Match")
            self.asked.append(known)
            unmodified = known == self.version
            self.send_response(304 if unmodified else 200)
            self.send_header("ETag", self.version)
            self.send_header("Content-Length", "0" if unmodified else str(len(self.body)))
            self.end_headers()
            if not unmodified:
                self.wfile.write(self.body)

        def log_message(self, *_):
            pass

    Handler.asked = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Handler.url = f"http://127.0.0.1:{server.server_port}/list.txt"
    yield Handler
    server.shutdown()


def test_a_list_that_is_as_it_was_is_not_sent_again(lab, listed):
    listed.body = b"one.evil-list.com\ntwo.evil-list.com\n"
    lab.env["INTELWALL_ALLOW_LIST"] = str(lab.directory / "allow.txt")
    lab.run("add", "list", "--source", listed.url, "--json")
    assert lab.run("run", "list", "--json")["sync"]["enforced"] == 2
    tokens = {name: each["UpdateToken"] for name, each in lab.groups().items()}
    again = lab.run("run", "list", "--json")
    assert again["hunts"][0]["unmodified"] and again["sync"]["unchanged"] and listed.asked == [None, '"1"']
    assert {name: each["UpdateToken"] for name, each in lab.groups().items()} == tokens

    # What guardrails say now is said about the whole list, also where it takes nothing away.
    (lab.directory / "allow.txt").write_text("two.evil-list.com\n")
    assert lab.run("run", "list", "--json")["sync"]["enforced"] == 1
    (lab.directory / "allow.txt").write_text("")
    assert lab.run("run", "list", "--json")["sync"]["enforced"] == 2
    assert listed.asked[2:] == [None, None]

    listed.body, listed.version = b"two.evil-list.com\nthree.evil-list.com\n", '"2"'
    ran = lab.run("run", "list", "--json")["hunts"][0]
    assert (ran["added"], ran["removed"]) == (1, 1)
    assert lab.watched() == {"two.evil-list.com", "three.evil-list.com"}


def test_what_is_wrong_is_one_sentence_before_anything_is_asked(lab):
    lab.falcon.process.kill()
    wrong = lab.run("add", "apt", "--fql", "type:'domain' AND deleted:false", code=1)
    assert "column 15" in wrong and "use `+`" in wrong and "^" in wrong
    assert "is no interval" in lab.run("add", "apt", "--every", "often", code=2)
    assert "high, medium, low" in lab.run("add", "apt", "--min-confidence", "sure", code=2)
    assert "there is no such hunt" in lab.run("run", "apt", code=1)
    assert "name one hunt, or say --all" in lab.run("run", code=2)
    assert "there are no hunts yet" in lab.run("list")
    lab.run("add", "apt", "--fql", FILTER)
    assert "there is a hunt of this name already" in lab.run("add", "apt", code=1)
    # Falcon is gone: nothing runs, and that is told.
    assert "hunt apt: " in lab.run("run", "--all", code=1)
    assert "failed 1 times" in lab.run("list")


def test_an_outage_changes_nothing(lab):
    names = {f"n{i}.hunted-test.com" for i in range(20)}
    lab.put(*names)
    lab.run("add", "apt", "--fql", FILTER)
    lab.run("run", "apt")
    lab.falcon.process.kill()
    ran = lab.run("run", "--all", "--full", "--json", code=1)
    assert ran["hunts"][0]["failure"]["code"] == "unavailable"
    assert ran["sync"]["unchanged"]
    assert lab.watched() == names


def test_watch_keeps_a_real_schedule(lab):
    lab.put("first.hunted-test.com")
    lab.run("add", "apt", "--fql", FILTER, "--every", "2s")
    watch = lab.start("run", "--all", "--watch")
    try:
        wait_for(lambda: lab.watched() == {"first.hunted-test.com"})
        lab.put("second.hunted-test.com")
        wait_for(lambda: lab.watched() == {"first.hunted-test.com", "second.hunted-test.com"})
        lab.put("first.hunted-test.com", deleted=True)
        wait_for(lambda: lab.watched() == {"second.hunted-test.com"})
    finally:
        watch.send_signal(signal.SIGTERM)
        out, err = watch.communicate(timeout=30)
    assert watch.returncode == 0, err
    assert "1 new" in out and "1  revoked" in out


def wait_for(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.2)
