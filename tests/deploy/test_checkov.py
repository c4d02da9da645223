"""checkov over the templates: each finding has its answer in docs/checkov.md, each answer its finding."""

import json
import os
import pathlib
import re
import subprocess

import pytest
from template import DIRECTORY

ROOT = DIRECTORY.parents[1]
LINE = re.compile(r"^\| (CKV\d?_\w+) \([^|]+\) \| ([\w.-]+\.yaml): ([\w, ]+) \| ([^|]{20,}) \|$", re.M)


def answered():
    return {
        (check, file, resource)
        for check, file, resources, _ in LINE.findall((ROOT / "docs/checkov.md").read_text())
        for resource in resources.split(", ")
    }


def found(checkov, directory):
    command = [checkov, "--framework", "cloudformation", "--directory", directory, "--skip-download", "-o", "json"]
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=300, env=os.environ | {"LOG_LEVEL": "ERROR"}
    )
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 100
    return {
        (each["check_id"], pathlib.Path(each["file_path"]).name, each["resource"].split(".")[-1])
        for each in report["results"]["failed_checks"]
    }, report["results"].get("skipped_checks", [])


def test_each_finding_is_answered_and_each_answer_is_to_a_finding():
    checkov = ROOT / "build/venv-checkov/bin/checkov"
    if not checkov.exists():
        pytest.fail("scripts/setup puts checkov into build/venv-checkov")
    findings, skipped = found(checkov, DIRECTORY)
    assert not skipped
    assert findings - answered() == set()
    assert answered() - findings == set()
