"""The command line on a Suricata of one's own: no AWS, the real engine."""
import json
import os
import shutil
import subprocess
import time

import pytest

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("suricata"), reason="a live Suricata needs root and suricata"
)

YAML = """%YAML 1.1
---
vars: {{address-groups: {{HOME_NET: "[10.0.0.0/8]", EXTERNAL_NET: any}}}}
default-log-dir: {d}
default-rule-path: {d}
rule-files: [intelwall.rules, intelwall-hunts.rules]
unix-command: {{enabled: yes, filename: {d}/s.socket}}
stats: {{enabled: no}}
outputs: []
logging: {{default-log-level: notice, outputs: [{{console: {{enabled: yes}}}}]}}
app-layer: {{protocols: {{tls: {{enabled: yes}}, http: {{enabled: yes}}}}}}
af-packet: [{{interface: lo, threads: 1, cluster-id: 96, cluster-type: cluster_flow, ring-size: 200}}]
"""


@pytest.fixture
def sensor(tmp_path):
    (tmp_path / "suricata.yaml").write_text(YAML.format(d=tmp_path))
    log = open(tmp_path / "out.log", "w")
    engine = subprocess.Popen(
        ["suricata", "-v", "-c", tmp_path / "suricata.yaml", "--af-packet", "-l", tmp_path], stdout=log, stderr=log
    )
    for _ in range(600):
        if "Engine started" in (tmp_path / "out.log").read_text():
            break
        time.sleep(0.05)
    yield tmp_path
    engine.kill()
    engine.wait()


@pytest.fixture
def run(binary):
    def call(directory, *arguments):
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "INTELWALL_"))}
        environment |= {
            "INTELWALL_FIREWALL": f"suricata:{directory}/intelwall.rules",
            "INTELWALL_STATE": f"{directory}/state",
            "INTELWALL_SURICATA_CONFIG": f"{directory}/suricata.yaml",
            "INTELWALL_SURICATA_SOCKETS": f"{directory}/s.socket",
        }
        return subprocess.run(
            [binary("intelwall"), *arguments], env=environment, capture_output=True, text=True, timeout=120
        )

    return call


def test_block_list_explain_unblock_doctor(run, sensor):
    blocked = run(sensor, "block", "evil.example", "--reason", "INC-1", "--json")
    assert blocked.returncode == 0, blocked.stderr
    listed = json.loads(run(sensor, "list", "--json").stdout)["decisions"]
    assert [d["domain"] for d in listed] == ["evil.example"]
    assert listed[0]["firewall"] == f"suricata:{sensor}/intelwall.rules"
    assert "sid:" in (sensor / "intelwall.rules").read_text()

    explained = run(sensor, "explain", "www.evil.example")
    assert "evil.example" in explained.stdout and "intelwall.rules" in explained.stdout

    doctor = run(sensor, "doctor", "--json")
    codes = {check["code"]: check for check in json.loads(doctor.stdout)["checks"]}
    assert "2 rules" in codes["sensor"]["text"]

    assert run(sensor, "unblock", "evil.example").returncode == 0
    assert json.loads(run(sensor, "list", "--json").stdout)["decisions"] == []


def test_a_dead_sensor_is_told_and_nothing_is_written(run, tmp_path):
    (tmp_path / "suricata.yaml").write_text(YAML.format(d=tmp_path))
    blocked = run(tmp_path, "block", "evil.example")
    assert blocked.returncode == 1
    assert "does not answer" in blocked.stderr and "s.socket" in blocked.stderr
    assert not (tmp_path / "intelwall.rules").exists()
    doctor = run(tmp_path, "doctor", "--json")
    assert doctor.returncode == 1
    assert "sensor-silent" in doctor.stdout


def test_a_relative_rule_file_is_wrong_usage(binary):
    wrong = subprocess.run([binary("intelwall"), "--firewall", "suricata:x.rules", "list"], capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "whole path" in wrong.stderr


def test_hunts_come_and_go_by_name(run, sensor):
    listed = sensor / "list.txt"
    listed.write_text("".join(f"n{i}.example\n" for i in range(50)))
    assert run(sensor, "hunt", "add", "mine", "--source", str(listed)).returncode == 0
    first = run(sensor, "hunt", "run", "mine", "--json")
    assert first.returncode == 0, first.stderr
    rules = (sensor / "intelwall-hunts.rules").read_text()
    assert "dataset:isset" in rules and rules.startswith("alert ")

    # A name more changes no rule: it is told to the running engine.
    with open(listed, "a") as more:
        more.write("late.example\n")
    second = run(sensor, "hunt", "run", "mine", "--json")
    assert second.returncode == 0, second.stderr
    assert (sensor / "intelwall-hunts.rules").read_text() == rules
    step = json.loads(second.stdout)["sync"]["enforcement"]["plan"][0]
    assert "1 names" in json.dumps(step)

    third = run(sensor, "hunt", "run", "mine", "--json")
    assert json.loads(third.stdout)["sync"]["unchanged"] is True
