"""The VPC's resolver with packets: what is blocked in DNS Firewall has no address for the workload, though its query passes
no Network Firewall; what is watched is written into the query log, from which intelwall makes a sighting."""

import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from test_lab_lifecycle import lab, needs_packets  # noqa: F401

GROUP = "rslvr-frg-0123456789abcdef0"


def dig(lab, name, *more):  # noqa: F811
    out = lab.run("lab", "exec", "--", "dig", "@10.94.0.2", "+tries=1", "+time=3", *more, name).stdout
    answer = out.split("ANSWER SECTION:\n")[1].split("\n\n")[0].splitlines() if "ANSWER SECTION" in out else []
    return out.split("status: ")[1].split(",")[0], [line.split()[-1] for line in answer]


def log(lab):  # noqa: F811
    out = subprocess.run([*lab.prefix, "cat", lab.directory + "/logs/resolver.json"], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in out.stdout.splitlines()]


@needs_packets
def test_what_dns_firewall_blocks_has_no_address(lab, tmp_path):  # noqa: F811
    assert lab.up().returncode == 0
    lab.env |= json.loads(lab.run("lab", "env", "--json").stdout)
    lab.env |= {"INTELWALL_DNS_FIREWALL": GROUP, "INTELWALL_STATE": str(tmp_path), "NO_PROXY": "127.0.0.1"}
    lab.env.pop("INTELWALL_FIREWALL")  # DNS Firewall alone: nothing else can be what stops the name

    def intelwall(*arguments):
        done = lab.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert dig(lab, "c2.badcdn.example") == ("NOERROR", ["198.51.100.80"])
    intelwall("block", "badcdn.example", "--reason", "INC-1")
    for name in ("badcdn.example", "c2.badcdn.example", "C2.BadCDN.example"):
        assert dig(lab, name) == ("NXDOMAIN", [])
    assert dig(lab, "badcdn.example", "TXT") == ("NXDOMAIN", [])
    assert dig(lab, "notbadcdn.example") == ("NOERROR", ["198.51.100.80"])
    # The resolver of somebody else knows nothing of it.
    other = lab.run("lab", "exec", "--", "dig", "+short", "@198.51.100.80", "badcdn.example")
    assert other.stdout == "198.51.100.80\n"

    (tmp_path / "feed.txt").write_text("goodbank.example\n")
    intelwall("hunt", "add", "feed", "--source", str(tmp_path / "feed.txt"))
    intelwall("hunt", "run", "feed")
    assert dig(lab, "www.goodbank.example") == ("NOERROR", ["198.51.100.80"])
    intelwall("unblock", "badcdn.example")
    assert dig(lab, "badcdn.example") == ("NOERROR", ["198.51.100.80"])

    lines = log(lab)
    assert {each["srcaddr"] for each in lines} == {"10.94.0.10"}
    told = [(each["query_name"], each["rcode"], each.get("firewall_rule_action")) for each in lines]
    assert told[0] == ("c2.badcdn.example.", "NOERROR", None)
    assert told[1:4] == [(name, "NXDOMAIN", "BLOCK") for name in ("badcdn.example.", "c2.badcdn.example.", "c2.badcdn.example.")]
    assert told[-2:] == [("www.goodbank.example.", "NOERROR", "ALERT"), ("badcdn.example.", "NOERROR", None)]
    assert lines[-2]["answers"] == [{"Rdata": "198.51.100.80", "Type": "A", "Class": "IN"}]
    assert lines[-2]["firewall_rule_group_id"] == GROUP

    seen = json.loads(intelwall("sightings", "scan", lab.directory + "/logs/resolver.json", "--json"))
    assert "goodbank.example" in json.dumps(seen) and "i-0a1b2c3d4e5f60718" in json.dumps(seen)
