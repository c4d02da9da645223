"""Where credentials come from: botocore and our chain resolve the same environments against the same local servers."""

import http.server
import json
import os
import subprocess
import sys
import threading
import urllib.parse

import pytest

END = "2099-01-01T00:00:00Z"
RESOLVE = """
import botocore.session, json, sys
session = botocore.session.Session(profile=sys.argv[1] if len(sys.argv) > 1 else None)
found = session.get_credentials()
frozen = found.get_frozen_credentials() if found else None
print(json.dumps([frozen.access_key, frozen.secret_key, frozen.token or ""] if frozen else None))
"""


class Clouds(http.server.BaseHTTPRequestHandler):
    """STS, a container's endpoint and IMDSv2 in one."""

    asked = []
    instance_role = "the-role"

    def say(self, status, text, kind="text/plain"):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def keys(self, source):
        return json.dumps({
            "Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-11-24T00:00:00Z", "AccessKeyId": "ASIA" + source,
            "SecretAccessKey": source + "/secret", "Token": source + "-token", "Expiration": END,
        })  # fmt: skip

    def do_PUT(self):
        wanted = self.path == "/latest/api/token" and self.headers.get("x-aws-ec2-metadata-token-ttl-seconds")
        self.say(200, "imds-session") if wanted else self.say(403, "")

    def do_GET(self):
        base = "/latest/meta-data/iam/security-credentials/"
        if self.path.startswith("/latest/"):
            if self.headers.get("x-aws-ec2-metadata-token") != "imds-session":
                return self.say(401, "")
            if self.path == base:
                return self.say(200, self.instance_role) if self.instance_role else self.say(404, "")
            return self.say(200, self.keys("INSTANCE")) if self.path == base + "the-role" else self.say(404, "")
        if self.path == "/container?a=b":
            if self.headers.get("Authorization") != "pod token":
                return self.say(400, '{"code":"AccessDenied","message":"no token"}')
            return self.say(200, self.keys("CONTAINER"), "application/json")
        return self.say(404, "")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        asked = {name: values[0] for name, values in urllib.parse.parse_qs(body).items()}
        authorization = self.headers.get("Authorization", "")
        asked["signer"] = authorization.partition("Credential=")[2].partition("/")[0]
        self.asked.append(asked)
        if asked.get("ExternalId") == "wrong":
            return self.say(403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not &lt;you&gt;</Message></Error>"
                            "</ErrorResponse>", "text/xml")  # fmt: skip
        who = asked["RoleArn"].rsplit("/", 1)[1].upper()
        action = asked["Action"]
        self.say(200, f"<{action}Response xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><{action}Result><Credentials>"
                 f"<AccessKeyId>ASIA{who}</AccessKeyId><SecretAccessKey>{who}/a+b&amp;c</SecretAccessKey>"
                 f"<SessionToken>{who}==</SessionToken><Expiration>{END}</Expiration></Credentials><AssumedRoleUser>"
                 f"<AssumedRoleId>AROA:s</AssumedRoleId><Arn>a</Arn></AssumedRoleUser></{action}Result></{action}Response>",
                 "text/xml")  # fmt: skip

    def log_message(self, *_):
        pass


@pytest.fixture
def clouds():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Clouds)
    Clouds.asked = []
    Clouds.instance_role = "the-role"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


CONFIG = """
[profile central]
role_arn = arn:aws:iam::222233334444:role/central
source_profile = keys
external_id = our-secret-handshake
role_session_name = judge
[profile chained]
role_arn = arn:aws:iam::222233334444:role/chained
source_profile = central
[profile own]
role_arn = arn:aws:iam::222233334444:role/own
source_profile = own
aws_access_key_id = AKIAOWN
aws_secret_access_key = own-secret
[profile from-instance]
role_arn = arn:aws:iam::222233334444:role/instance
credential_source = Ec2InstanceMetadata
[profile from-container]
role_arn = arn:aws:iam::222233334444:role/container
credential_source = EcsContainer
[profile from-environment]
role_arn = arn:aws:iam::222233334444:role/environment
credential_source = Environment
[profile web]
role_arn = arn:aws:iam::222233334444:role/web
web_identity_token_file = {directory}/token
[profile keys]
aws_access_key_id = AKIAKEYS
aws_secret_access_key = keys-secret
[profile circle]
role_arn = arn:aws:iam::222233334444:role/circle
source_profile = circle2
[profile circle2]
role_arn = arn:aws:iam::222233334444:role/circle2
source_profile = circle
[profile refused]
role_arn = arn:aws:iam::222233334444:role/refused
source_profile = keys
external_id = wrong
"""


@pytest.fixture
def resolve(binary, clouds, tmp_path):
    (tmp_path / "config").write_text(CONFIG.format(directory=tmp_path))
    (tmp_path / "token").write_text("eyJ.web.identity")
    (tmp_path / "pod").write_text("pod token")
    base = {k: v for k, v in os.environ.items() if not k.startswith("AWS_") and not k.lower().endswith("_proxy")}
    base |= {
        "AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL_STS": clouds, "AWS_EC2_METADATA_SERVICE_ENDPOINT": clouds, "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": "1",
    }  # fmt: skip

    def run(command, variables, profile):
        done = subprocess.run(
            [*command, *([profile] if profile else [])], capture_output=True, text=True, timeout=60,
            env=base | {k: v.format(url=clouds, directory=tmp_path) for k, v in variables.items()},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        asked, Clouds.asked = Clouds.asked, []
        return json.loads(done.stdout), asked

    def both(profile=None, **variables):
        return (run([binary("judge_credentials")], variables, profile),
                run([sys.executable, "-c", RESOLVE], variables, profile))  # fmt: skip

    both.ours = lambda profile=None, **variables: run([binary("judge_credentials")], variables, profile)
    return both


KEYS = {"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "env-secret"}
WEB = {"AWS_WEB_IDENTITY_TOKEN_FILE": "{directory}/token", "AWS_ROLE_ARN": "arn:aws:iam::222233334444:role/pod"}
CONTAINER = {
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "{url}/container?a=b",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN": "not this one",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "{directory}/pod",
}


@pytest.mark.parametrize("profile, variables, first", [
    (None, KEYS | WEB | CONTAINER, "AKIAENV"),
    (None, WEB | CONTAINER, "ASIAPOD"),
    (None, WEB | {"AWS_ROLE_SESSION_NAME": "me"}, "ASIAPOD"),
    (None, CONTAINER, "ASIACONTAINER"),
    (None, {}, "ASIAINSTANCE"),
    ("central", KEYS, "ASIACENTRAL"),
    ("central", {}, "ASIACENTRAL"),
    ("chained", {}, "ASIACHAINED"),
    ("own", {}, "ASIAOWN"),
    ("from-instance", {}, "ASIAINSTANCE"),
    ("from-container", CONTAINER, "ASIACONTAINER"),
    ("from-environment", KEYS, "ASIAENVIRONMENT"),
    ("web", {}, "ASIAWEB"),
    ("keys", KEYS | WEB, "AKIAKEYS"),
    (None, {"AWS_PROFILE": "central"}, "ASIACENTRAL"),
    (None, {"AWS_PROFILE": "keys"}, "AKIAKEYS"),
])  # fmt: skip
def test_the_same_as_botocore(resolve, profile, variables, first):
    (ours, we_asked), (theirs, they_asked) = resolve(profile, **variables)
    assert ours == theirs and ours[0] == first
    # Session names and durations are each one's own; who asks for what is not.
    told = ("Action", "Version", "RoleArn", "ExternalId", "WebIdentityToken", "signer")
    assert [[a.get(k) for k in told] for a in we_asked] == [[a.get(k) for k in told] for a in they_asked]


def test_what_is_not_there_or_refused_is_told(resolve):
    def error(profile=None, **variables):
        answer, _ = resolve.ours(profile, **variables)
        return answer["error"]

    assert "not <you>" in error("refused") and "external id" in error("refused")
    assert "circles" in error("circle")
    assert "missing" in error("missing")
    told = error(AWS_EC2_METADATA_DISABLED="true")
    assert "AWS_ACCESS_KEY_ID" in told and "AWS_WEB_IDENTITY_TOKEN_FILE" in told
    Clouds.instance_role = ""
    assert "this instance has no role" in error()
    assert "plain http" in error(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://evil.example/steal")
    assert "400" in error(**CONTAINER | {"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "x"})
    assert "web_identity_token_file" in error(**WEB | {"AWS_WEB_IDENTITY_TOKEN_FILE": "{directory}/missing"})
