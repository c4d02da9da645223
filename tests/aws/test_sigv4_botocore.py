"""Our SigV4 against botocore's: 1,000 generated requests must carry the same Authorization header."""

import base64
import datetime
import json
import random
import subprocess

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NOW = datetime.datetime(2026, 11, 24, 14, 3, 4, tzinfo=datetime.timezone.utc)
SEGMENTS = [
    "findings", "batchupdate", "actionTargets", "arn:aws:securityhub:us-east-1:111122223333:action/custom/block",
    "with space", "tilde~dash-dot.under_", "per%cent", "100%25", "plus+equals=star*", "ünïcødé", "日本", "quote\"'",
    "semi;colon,comma", "@at&and$", "(paren)", "[bracket]", "", ".", "..", "...",
]  # fmt: skip
TEXTS = [
    "", "a", "A", "value", "two words", "a=b&c=d", "plus+", "~-._", "/path/", "é", "💥", "%41", "arn:aws:x:y:z:w/v", "0",
    "?", "#", "'", "\"",
]  # fmt: skip
HEADERS = [
    ("Content-Type", "application/x-amz-json-1.0"), ("X-Amz-Target", "NetworkFirewall_20201112.UpdateRuleGroup"),
    ("X-Blank", "  many   blanks \t inside  "), ("x-empty", ""), ("User-Agent", "not signed"), ("X-Amzn-Trace-Id", "x"),
    ("X-Repeated", "one"), ("X-Repeated", "two  three"), ("X-A", "1"), ("X-A-B", "2"),
    ("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"),
]  # fmt: skip


def generate(rng: random.Random) -> dict:
    path = "/" + "/".join(rng.choice(SEGMENTS) for _ in range(rng.randint(0, 4)))
    query = [[rng.choice(TEXTS) or "k", rng.choice(TEXTS)] for _ in range(rng.choice([0, 0, 1, 2, 5]))]
    if query and rng.random() < 0.3:
        query.append([query[0][0], rng.choice(TEXTS)])
    body = rng.choice([b"", b"{}", rng.randbytes(rng.randint(1, 3000)), "☃".encode(), bytes(70_000)])
    given = {
        "method": rng.choice(["GET", "POST", "PATCH", "PUT", "DELETE"]),
        "scheme": rng.choice(["http", "https"]),
        "host": rng.choice([
            "securityhub.us-east-1.amazonaws.com", "Network-Firewall.EU-WEST-1.amazonaws.com", "127.0.0.1:4566",
            "[::1]:8443", "localhost:443", "localhost:80", "vpce-1.example.org:8443",
        ]),  # fmt: skip
        "path": path,
        "query": query,
        "headers": [list(header) for header in rng.sample(HEADERS, rng.randint(0, len(HEADERS)))],
        "body": base64.b64encode(body).decode(),
        "time": NOW.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": rng.choice(["us-east-1", "eu-west-1", "cn-north-1"]),
        "service": rng.choice(["securityhub", "network-firewall", "ssm", "s3"]),
        "access_key_id": "AKIDEXAMPLE",
        "secret_access_key": rng.choice(["wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "s", "x" * 200]),
        "session_token": rng.choice(["", "", "IQoJb3JpZ2luX2VjE/token+with=signs=="]),
    }
    if given["service"] == "s3":  # for which botocore always tells the hash itself
        given["headers"] = [each for each in given["headers"] if each[0] != "X-Amz-Content-Sha256"]
    return given


def botocore_header(given: dict, target: str) -> tuple[str, str]:
    """botocore signs the URL as it goes over the wire."""
    request = AWSRequest(
        method=given["method"],
        url=f"{given['scheme']}://{given['host']}{target}",
        data=base64.b64decode(given["body"]),
    )
    for name, value in given["headers"]:
        request.headers[name] = value  # an HTTPHeaders: adds, never replaces
    credentials = Credentials(given["access_key_id"], given["secret_access_key"], given["session_token"] or None)
    auth = S3SigV4Auth if given["service"] == "s3" else SigV4Auth
    auth(credentials, given["service"], given["region"]).add_auth(request)
    return request.headers["Authorization"], request.headers["X-Amz-Date"]


@pytest.fixture(scope="module")
def signed(binary):
    rng = random.Random(20261124)
    requests = [generate(rng) for _ in range(1000)]
    run = subprocess.run(
        [binary("judge_sigv4")],
        input="".join(json.dumps(request) + "\n" for request in requests),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(answers) == len(requests)
    return list(zip(requests, answers))


def test_same_header_as_botocore(signed, monkeypatch):
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda remove_tzinfo=True: NOW)
    for given, answer in signed:
        header, date = botocore_header(given, answer["target"])
        assert answer["X-Amz-Date"] == date
        assert answer["Authorization"] == header, given


def test_the_requests_differ(signed):
    """Guards the generator: signatures that are all alike would prove nothing."""
    assert len({answer["Authorization"] for _, answer in signed}) > 950
    assert any(given["session_token"] for given, _ in signed)
    assert any(given["body"] == "" for given, _ in signed)


def test_the_wire_form_decodes_to_what_was_asked(signed):
    """The header judges the target we chose; this judges that the target says what was asked."""
    from urllib.parse import unquote

    for given, answer in signed:
        path, _, query = answer["target"].partition("?")
        assert unquote(path) == given["path"]
        pairs = [[unquote(part) for part in pair.split("=", 1)] for pair in query.split("&")] if query else []
        assert pairs == given["query"]
