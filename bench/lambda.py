#!/usr/bin/env python3
"""The Lambda package's respond function against bench/lambda_reference.py, the same in Python and boto3: on this machine, in
turns, each with a cloud of the lab's own. Usage: bench/lambda.py BUILD_TREE (after `make lambda`), with the judges' Python.

The service's own part of a cold start (finding a machine, fetching the zip) is in neither figure."""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "tests" / "lab"), str(ROOT / "tests" / "lambda")]
from cloud_judge import KEY, REGION, SECRET, JudgedCloud  # noqa: E402
from runtime_api import RuntimeApi, finding, pressed  # noqa: E402

COLD, WARM = 15, 100
TICKS = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    """Seconds of user and system time, of ended threads too."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def cpu_so_far(pid):
    """Milliseconds on a processor since it began, of the first thread."""
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def peak(pid):
    """MB resident at most since the process began."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


class Side:
    def __init__(self, name, command, cloud):
        self.name, self.command, self.cloud, self.number = name, command, cloud, 0
        self.polls, self.colds, self.starts = [], [], []

    def start(self):
        api = RuntimeApi()
        environment = {
            "AWS_LAMBDA_RUNTIME_API": api.host, "_HANDLER": "respond", "AWS_ENDPOINT_URL": self.cloud.url, "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "INTELWALL_FIREWALL": "lab",
        }  # fmt: skip
        began = time.monotonic()
        process = subprocess.Popen(self.command, env=environment, stderr=subprocess.DEVNULL)
        return api, process, began

    def call(self, api):
        """One pressed action with a finding and a domain that are new."""
        self.number += 1
        kind, answer, _ = api.invoke(pressed(finding(self.number, f"fresh-{self.number}-bad.example")))
        assert kind == "response", answer

    def cold(self):
        api, process, began = self.start()
        assert api.polled.wait(60), f"{self.name} did not begin"
        self.starts.append(cpu_so_far(process.pid))
        self.call(api)
        self.colds.append(1000 * (time.monotonic() - began))
        self.polls.append(1000 * (api.first_poll - began))
        process.kill()
        process.wait()
        api.end()

    def warm(self):
        api, process, _ = self.start()
        for _ in range(5):
            self.call(api)
        before, began = cpu(process.pid), time.monotonic()
        for _ in range(WARM):
            self.call(api)
        self.warm_cpu = 1000 * (cpu(process.pid) - before) / WARM
        self.warm_wall = 1000 * (time.monotonic() - began) / WARM
        self.peak = peak(process.pid)
        process.kill()
        process.wait()
        api.end()

    def check(self):
        group = self.cloud.client("network-firewall").describe_rule_group(RuleGroupName="intelwall-blocks-1", Type="STATEFUL")
        text = group["RuleGroup"]["RulesSource"]["RulesString"]
        missing = [n for n in range(1, self.number + 1) if f"fresh-{n}-bad.example" not in text]
        assert not missing, f"{self.name}: {len(missing)} of {self.number} domains are not blocked"


def main():
    judge = str(pathlib.Path(sys.argv[1]) / "bin" / "judge_cloud")
    package = ROOT / "build" / "lambda" / "intelwall.zip"
    open_connections = ("strict", "1000000")  # as AWS leaves them
    with tempfile.TemporaryDirectory() as place:
        with zipfile.ZipFile(package) as archive:
            archive.extractall(place)
        bootstrap = pathlib.Path(place) / "bootstrap"
        bootstrap.chmod(0o755)
        ours = Side("intelwall", [str(bootstrap)], JudgedCloud(judge, *open_connections))
        theirs = Side("Python", [sys.executable, str(ROOT / "bench" / "lambda_reference.py")], JudgedCloud(judge, *open_connections))
        sides = (ours, theirs)
        for side in sides:
            side.cold()  # the first one makes the group, and fills the page cache
            side.polls.clear(), side.colds.clear(), side.starts.clear()
        for _ in range(COLD):
            for side in sides:
                side.cold()
        for side in sides:
            side.warm()
            side.check()
            side.cloud.end()

    def row(what, unit, goal, of):
        mine, other = (of(side) for side in sides)
        print(f"{what:<46}{mine:9.2f} {unit:<3}{other:9.2f} {unit:<3}{other / mine:7.1f} times   (goal {goal})")

    print(f"{'':<46}{'intelwall':>12} {'Python':>12}")
    row("CPU from exec to first poll, median", "ms", "5 ms", lambda side: statistics.median(side.starts))
    row("fork to first poll, median", "ms", "-", lambda side: statistics.median(side.polls))
    row("start to first response, median", "ms", "15 times", lambda side: statistics.median(side.colds))
    row(f"peak memory after {WARM} calls", "MB", "5 times", lambda side: side.peak)
    row("CPU of a warm call", "ms", "10 times", lambda side: side.warm_cpu)
    row("a warm call, wall", "ms", "-", lambda side: side.warm_wall)
    print(f"package: {package.stat().st_size / 1e6:.2f} MB   (goal 5)")


main()
