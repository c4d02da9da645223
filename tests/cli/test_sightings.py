"""Sightings from logs, with a ledger of a hunt over a list; findings go to the lab's Security Hub."""
import gzip
import json
import os
import subprocess

import pytest


def alert(name, source="10.0.0.5", at="2026-11-20T10:00:00.000000+0000", action="allowed"):
    return json.dumps(
        {
            "firewall_name": "f", "availability_zone": "us-east-1a", "event_timestamp": "1",
            "event": {
                "timestamp": at, "event_type": "alert", "src_ip": source, "src_port": 4444, "dest_ip": "198.51.100.80",
                "dest_port": 443, "proto": "TCP", "alert": {"action": action, "signature_id": 7, "signature": "x"},
                "tls": {"sni": name},
            },
        }
    )


@pytest.fixture
def run(binary, tmp_path):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "INTELWALL_"))}
    environment |= {"INTELWALL_STATE": str(tmp_path / "state"), "HOME": str(tmp_path)}

    def call(*arguments, **extra):
        return subprocess.run(
            [binary("intelwall"), *arguments], env=environment | extra, capture_output=True, text=True, timeout=120, cwd=tmp_path
        )

    return call


@pytest.fixture
def hunted(run, tmp_path):
    """A hunt over a list; the firewall is not written, the ledger is."""
    (tmp_path / "list.txt").write_text("evil.example\nother.example\n")
    added = run("hunt", "add", "mine", "--source", str(tmp_path / "list.txt"))
    assert added.returncode == 0, added.stderr
    run("hunt", "run", "mine", INTELWALL_FIREWALL=f"suricata:{tmp_path}/none.rules")
    shown = run("hunt", "show", "mine", "--json")
    assert "evil.example" in shown.stdout, shown.stderr
    return tmp_path


def test_scan_tells_who_talked_to_what(run, hunted):
    (hunted / "a.log").write_text(alert("good.example") + "\n" + alert("www.evil.example") + "\nbroken\n")
    with gzip.open(hunted / "b.log.gz", "wt") as out:
        out.write(alert("EVIL.example", at="2026-11-21T10:00:00Z", action="blocked") + "\n")
    done = run("sightings", "scan", "a.log", "b.log.gz", "--json")
    assert done.returncode == 3
    assert "a.log:3" in done.stderr
    told = json.loads(done.stdout)
    assert told["watched"] == 2
    (seen,) = told["sightings"]
    assert (seen["workload"], seen["domain"], seen["count"], seen["blocked"]) == ("10.0.0.5", "evil.example", 2, 1)
    assert seen["first_seen"] == "2026-11-20T10:00:00Z" and seen["last_seen"] == "2026-11-21T10:00:00Z"
    assert seen["hunts"][0]["hunt"] == "mine"
    assert json.loads(run("sightings", "--json").stdout) == {"sightings": []}


def test_follow_records_each_line_once_over_restarts_and_rotation(run, hunted):
    log = hunted / "eve.json"
    log.write_text(alert("evil.example") + "\n")
    for _ in range(2):
        assert run("sightings", "follow", "eve.json", "--once", "--no-findings").returncode == 0
    log.write_text(log.read_text() + alert("evil.example", at="2026-11-22T00:00:00Z") + "\n")
    log.rename(hunted / "eve.json.1")
    log.write_text(alert("other.example", source="10.0.0.6") + "\n")
    assert run("sightings", "follow", "eve.json", "--once", "--no-findings").returncode == 0
    listed = {(s["workload"], s["domain"]): s for s in json.loads(run("sightings", "--json").stdout)["sightings"]}
    assert listed[("10.0.0.5", "evil.example")]["count"] == 2
    assert listed[("10.0.0.5", "evil.example")]["last_seen"] == "2026-11-22T00:00:00Z"
    assert listed[("10.0.0.6", "other.example")]["count"] == 1


def test_without_a_firewall_the_sighting_is_recorded_and_the_missing_finding_is_told(run, hunted):
    (hunted / "eve.json").write_text(alert("evil.example") + "\n")
    done = run("sightings", "follow", "eve.json", "--once")
    assert done.returncode == 3
    assert "recorded, but no finding" in done.stderr
    assert len(json.loads(run("sightings", "--json").stdout)["sightings"]) == 1


def test_a_log_that_is_not_there(run, hunted):
    assert run("sightings", "scan", "nowhere.log").returncode == 1
    assert run("sightings", "follow", "nowhere.log", "--once", "--no-findings").returncode == 0
    assert run("sightings", "scan").returncode == 2
