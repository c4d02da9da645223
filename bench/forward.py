#!/usr/bin/env python3
"""`intelwall forward` against the lab's endpoints on this machine: events a second of its own CPU time, from stream bytes to
finding accepted, and its memory while a million events pass. Usage: bench/forward.py BUILD_TREE [EVENTS]

The lab's own CPU is told apart: it makes the events, parses and stores every finding, and is not part of the figure."""

import os
import pathlib
import resource
import signal
import sys
import tempfile
import time

sys.path += [str(pathlib.Path(__file__).parents[1] / "tests" / room) for room in ("app", "lab")]
from forward_judge import Falcon, Forward, JudgedCloud, event  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def main():
    build, total = pathlib.Path(sys.argv[1]) / "bin", int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    # The same detections again and again after the first so many, so that the lab's memory is bounded: each is an update.
    distinct, chunk = 20_000, 1_000
    falcon, cloud = Falcon(str(build / "judge_falcon")), JudgedCloud(str(build / "judge_cloud"))
    with tempfile.TemporaryDirectory() as state:
        forward = Forward(str(build / "intelwall"), falcon.url, cloud.url, pathlib.Path(state))
        process = forward.start("--rate", "10000", "--burst", "10000")
        began, seen, at = time.monotonic(), {}, pathlib.Path(state) / "forward-streams-intelwall.json"
        bodies = [event(n) for n in range(distinct)]
        next_mark = 0

        def done():
            import json

            return sum(json.loads(at.read_text())["offsets"].values()) if at.exists() else 0

        for start in range(0, total, chunk):
            while start - done() > 20_000:  # the lab keeps 100,000 events of a partition
                time.sleep(0.02)
            falcon.lab("events", events=[bodies[n % distinct] for n in range(start, start + chunk)])
            if done() >= next_mark:
                passed = done()
                seen[passed] = (cpu(process.pid), memory(process.pid))
                print(f"{passed:>9} events  {seen[passed][0]:8.2f} s CPU  {seen[passed][1]:6.1f} MB", flush=True)
                next_mark = passed + total // 20
        while done() < total and process.poll() is None:
            time.sleep(0.05)
        used, rss, wall = cpu(process.pid), memory(process.pid), time.monotonic() - began
        lab = cpu(falcon.process.pid) + cpu(cloud.process.pid)
        process.send_signal(signal.SIGTERM)
        out, told = process.communicate(timeout=60)
    early = next((mem for passed, (_, mem) in sorted(seen.items()) if passed >= total // 10), rss)
    print(f"{total} events: {total / used:.0f} events/s of CPU, {used:.1f} s CPU in {wall:.0f} s; the lab took {lab:.1f} s")
    print(f"memory: {early:.1f} MB at a tenth, {rss:.1f} MB at the end")
    print(out, told[-2000:])
    falcon.end()
    cloud.end()


main()
