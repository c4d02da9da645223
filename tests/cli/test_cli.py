"""The command line as its user meets it: exit codes, help, errors in one sentence, any bytes as input."""

import json
import pathlib
import random
import subprocess

import pytest

FINDINGS = pathlib.Path(__file__).parents[1] / "findings" / "data"


@pytest.fixture
def intelwall(binary, tmp_path):
    def run(*arguments, data=b"", env=None):
        clean = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "AWS_EC2_METADATA_DISABLED": "true"}
        return subprocess.run(
            [binary("intelwall"), *arguments], input=data, capture_output=True, cwd=tmp_path, env=clean | (env or {}), timeout=60
        )

    return run


def one_sentence(result):
    """stderr is words, not a crash."""
    text = result.stderr.decode()
    assert text.strip(), "an error says something"
    for sign in ("terminate called", "Sanitizer", "Assertion", "runtime error", "core dumped"):
        assert sign not in text, text
    return text


@pytest.mark.parametrize(
    "arguments",
    [[], ["nonsense"], ["block"], ["block", "evil.com", "--nonsense"], ["ingest"], ["lab"], ["completion", "csh"], ["config"], ["block", "evil.com", "--expires", "soon", "--firewall", "x"]],
)
def test_wrong_usage_is_two_with_a_hint(intelwall, arguments):
    result = intelwall(*arguments)
    assert result.returncode == 2, result.stderr
    one_sentence(result)


COMMANDS = ["block", "unblock", "allow", "list", "plan", "apply", "ingest", "demo", "lab", "lab up", "lab exec", "lab press", "config check", "completion"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(intelwall, command):
    result = intelwall(*command.split(), "--help")
    assert result.returncode == 0
    assert b"Examples:" in result.stdout
    assert f"intelwall {command}".encode() in result.stdout


def test_without_a_firewall_the_error_says_how_to_name_one(intelwall):
    result = intelwall("list")
    assert result.returncode == 2
    assert "INTELWALL_FIREWALL" in one_sentence(result)


def test_without_credentials_the_error_says_where_it_looked(intelwall):
    result = intelwall("list", "--firewall", "x", "--region", "us-east-1")
    assert result.returncode == 1
    assert "AWS_ACCESS_KEY_ID" in one_sentence(result)


def test_unreachable_endpoint_is_one_sentence(intelwall):
    env = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "hidden-secret"}
    result = intelwall("list", "--firewall", "x", "--region", "us-east-1", env=env)
    assert result.returncode == 1
    assert "hidden-secret" not in one_sentence(result)


def test_json_errors_are_json_on_stdout(intelwall):
    result = intelwall("list", "--json")
    error = json.loads(result.stdout)["error"]
    assert error["code"] == "usage" and error["hint"]


def test_dry_run_needs_neither_firewall_nor_credentials(intelwall):
    for fixture in sorted(FINDINGS.glob("*.json*")):
        result = intelwall("ingest", str(fixture), "--dry-run", "--json")
        assert result.returncode == 0, (fixture, result.stderr)
        report = json.loads(result.stdout)
        assert report["findings"], fixture
        for finding in report["findings"]:
            for candidate in finding["candidates"]:
                assert candidate["verdict"] in ("block", "ask", "refuse")
                assert candidate["reasons"] and candidate["evidence"]["path"]
                assert candidate["evidence"]["grade"] in ("ioc", "observed")
                assert "domain" in candidate or candidate["verdict"] == "refuse"


def test_a_finding_without_a_domain_is_an_answer(intelwall):
    finding = {"SchemaVersion": "2018-10-08", "Id": "x", "ProductArn": "arn:aws:securityhub:us-east-1:1:product/a/b", "Title": "t"}
    result = intelwall("ingest", "-", "--dry-run", data=json.dumps(finding).encode())
    assert result.returncode == 0
    assert b"names no domain" in result.stdout


def test_some_unreadable_records_are_three_all_are_one(intelwall):
    good = (FINDINGS / sorted(p.name for p in FINDINGS.glob("*.json"))[0]).read_text()
    line = json.dumps(json.loads(good)).encode()
    assert intelwall("ingest", "-", "--dry-run", data=line + b"\n{broken\n").returncode == 3
    assert intelwall("ingest", "-", "--dry-run", data=b"{broken\n").returncode == 1
    assert intelwall("ingest", "/nonexistent", "--dry-run").returncode == 1


def test_any_bytes_given_to_ingest_are_answered(intelwall):
    chance = random.Random(4711)
    texts = [path.read_bytes() for path in sorted(FINDINGS.glob("*.json*"))]
    for number in range(60):
        data = bytearray(chance.choice(texts)) if number % 3 else bytearray(chance.randbytes(chance.randrange(2000)))
        for _ in range(chance.randrange(1, 30)):
            if data:
                data[chance.randrange(len(data))] = chance.randrange(256)
        if number % 2:
            data = data[: chance.randrange(len(data) + 1)]
        result = intelwall("ingest", "-", "--dry-run", "--json", data=bytes(data))
        assert result.returncode in (0, 1, 3), result.stderr
        json.loads(result.stdout)
        if result.returncode:
            one_sentence(result)


def test_config_check_names_line_reason_and_hint(intelwall, tmp_path):
    path = tmp_path / "intelwall.yaml"
    path.write_text("firewall: a\nfirewal: b\nexpires: soon\n")
    result = intelwall("config", "check", str(path), "--json")
    assert result.returncode == 1
    errors = json.loads(result.stdout)["errors"]
    assert [error["place"].split(":")[1] for error in errors] == ["2", "3"]
    assert all(error["message"] for error in errors) and errors[0]["hint"] == "did you mean firewall?"
    path.write_text("firewall: a\nallow_list: nowhere/none.txt\nwarn_list: missing.txt\n")
    assert "missing.txt" in one_sentence(intelwall("config", "check", str(path)))
    path.write_text("firewall: a\n")
    assert intelwall("config", "check", str(path)).returncode == 0


def test_any_bytes_given_as_configuration_are_answered(intelwall, tmp_path):
    chance = random.Random(15)
    path = tmp_path / "intelwall.yaml"
    for _ in range(40):
        path.write_bytes(chance.randbytes(chance.randrange(400)) if chance.random() < 0.5 else bytes(chance.choice(b"abc:-[]{}\"'&*!|>%@`\n\t #") for _ in range(80)))
        result = intelwall("config", "check", str(path))
        assert result.returncode in (0, 1)
        if result.returncode:
            one_sentence(result)


def test_what_config_keys_prints_is_a_valid_configuration(intelwall, tmp_path):
    text = intelwall("config", "keys").stdout
    for name in ("allow.txt", "protected.txt"):
        (tmp_path / name).write_text("# none\n")
    text = text.replace(b"/etc/intelwall/", b"").replace(b"ssm:/intelwall/warn", b"allow.txt")
    (tmp_path / "intelwall.yaml").write_bytes(text)
    result = intelwall("config", "check", "intelwall.yaml")
    assert result.returncode == 0, result.stderr


def test_bash_completion_knows_commands_and_options(intelwall, tmp_path):
    script = tmp_path / "completion.bash"
    script.write_bytes(intelwall("completion", "bash").stdout)
    ask = (
        f"source {script}; COMP_WORDS=(intelwall {{words}}); COMP_CWORD={{at}}; _intelwall; printf '%s\\n' \"${{{{COMPREPLY[@]}}}}\""
    )

    def complete(words, at):
        done = subprocess.run(["bash", "-c", ask.format(words=words, at=at)], capture_output=True, text=True, check=True)
        return done.stdout.split()

    assert {"block", "unblock"} <= set(complete("''", 1)) | set(complete("unb", 1))
    assert complete("unb", 1) == ["unblock"]
    assert "--reason" in complete("block --re", 2)
    assert complete("lab st", 2) == ["status"]
    assert "serve" not in complete("lab ''", 2)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_for_each_shell(intelwall, shell):
    result = intelwall("completion", shell)
    assert result.returncode == 0 and b"unblock" in result.stdout


def test_a_closed_reader_is_no_crash(binary, tmp_path):
    with open("/dev/full", "wb") as full:
        result = subprocess.run([binary("intelwall"), "config", "keys"], stdout=full, stderr=subprocess.PIPE, cwd=tmp_path)
    assert result.returncode == 1
    assert b"cannot be written" in result.stderr
