"""The Lambda package in an empty root directory: it needs nothing but itself, a Runtime API and an endpoint over TLS."""

import hashlib
import http.client
import http.server
import pathlib
import ssl
import subprocess
import threading
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[2]
from cloud_judge import KEY, REGION, SECRET
from runtime_api import RuntimeApi, finding, pressed

ZIP = ROOT / "build" / "lambda" / "intelwall.zip"


def make_package():
    # Two trees at once would be two compilers for one core.
    made = subprocess.run([ROOT / "scripts" / "lambda"], capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    return hashlib.sha256(ZIP.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def package():
    make_package()
    return ZIP


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A certificate for 127.0.0.1 that nobody but us trusts: (certificate, key)."""
    place = tmp_path_factory.mktemp("tls")
    certificate, key = place / "certificate.pem", place / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=judge", "-addext", "subjectAltName=IP:127.0.0.1,DNS:cloud.example", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key


class TlsEndpoint:
    """The lab's cloud behind TLS."""

    def __init__(self, authority, cloud):
        behind, self.calls = cloud.url.removeprefix("http://"), []
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.calls.append(self.headers.get("X-Amz-Target", self.path).rpartition(".")[2])
                onward = http.client.HTTPConnection(behind)
                onward.request(self.command, self.path, body, dict(self.headers))  # Host is part of what is signed
                answer = onward.getresponse()
                content = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection", "keep-alive"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_PATCH = do_GET = do_POST

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Function:
    """The unpacked package, alone in a directory that is its root."""

    def __init__(self, package, place, api, **variables):
        task = place / "var" / "task"
        task.mkdir(parents=True)
        with zipfile.ZipFile(package) as archive:
            for entry in archive.infolist():
                (task / entry.filename).write_bytes(archive.read(entry))
                (task / entry.filename).chmod(entry.external_attr >> 16)
        self.task, self.place, self.api = task, place, api
        self.environment = {
            "AWS_LAMBDA_RUNTIME_API": api.host,
            "_HANDLER": "respond",
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "INTELWALL_FIREWALL": "lab",
            **variables,
        }

    def __enter__(self):
        self.process = subprocess.Popen(
            ["unshare", "-r", f"--root={self.place}", "--wd=/", "/var/task/bootstrap"],
            env=self.environment, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=20)


def test_is_small_and_the_same_each_time(package):
    first = hashlib.sha256(package.read_bytes()).hexdigest()
    assert package.stat().st_size <= 5_000_000
    with zipfile.ZipFile(package) as archive:
        assert [(e.filename, oct(e.external_attr >> 16)) for e in archive.infolist()] == [
            ("bootstrap", "0o100755"),
            ("ca.pem", "0o100644"),
        ]
    (ROOT / "build" / "release" / "bin" / "bootstrap").unlink()
    assert make_package() == first


def test_blocks_from_an_empty_root(package, authority, cloud, tmp_path):
    endpoint, api = TlsEndpoint(authority, cloud), RuntimeApi()
    function = Function(package, tmp_path / "root", api, AWS_ENDPOINT_URL=f"https://127.0.0.1:{endpoint.port}")
    with (function.task / "ca.pem").open("a") as bundle:
        bundle.write(authority[0].read_text())
    with function:
        kind, answer, _ = api.invoke(pressed(finding(1, "evil-corp.com")))
        assert kind == "response" and answer["decisions"][0]["domain"] == "evil-corp.com", answer
        group = cloud.client("network-firewall").describe_rule_group(RuleGroupName="intelwall-blocks-1", Type="STATEFUL")
        assert "evil-corp.com" in group["RuleGroup"]["RulesSource"]["RulesString"]
        assert "DescribeFirewall" in endpoint.calls
        kind, answer, error_type = api.invoke(b'{"detail-type":"nonsense"}')
        assert (kind, error_type, answer["errorType"]) == ("error", "Intelwall.InvalidInput", "Intelwall.InvalidInput")


def test_trusts_its_own_bundle_only(package, authority, cloud, tmp_path):
    endpoint, api = TlsEndpoint(authority, cloud), RuntimeApi()
    with Function(package, tmp_path / "root", api, AWS_ENDPOINT_URL=f"https://127.0.0.1:{endpoint.port}"):
        kind, answer, error_type = api.invoke(pressed(finding(1, "evil-corp.com")))
    assert (kind, error_type) == ("error", "Intelwall.Denied")
    assert "certificate is not trusted" in answer["errorMessage"]
    assert not endpoint.calls


def test_finds_names_as_a_host_of_lambda_says(package, authority, cloud, tmp_path):
    endpoint, api = TlsEndpoint(authority, cloud), RuntimeApi()
    root = tmp_path / "root"
    function = Function(package, root, api, AWS_ENDPOINT_URL=f"https://cloud.example:{endpoint.port}")
    (root / "etc").mkdir()
    (root / "etc" / "hosts").write_text("127.0.0.1 cloud.example\n")
    # A module that is not there must not end the process.
    (root / "etc" / "nsswitch.conf").write_text("hosts: myhostname files dns\n")
    with (function.task / "ca.pem").open("a") as bundle:
        bundle.write(authority[0].read_text())
    with function:
        kind, answer, _ = api.invoke(pressed(finding(1, "evil-corp.com")))
    assert kind == "response", answer
    assert "DescribeFirewall" in endpoint.calls


@pytest.mark.parametrize("variables", [{"_HANDLER": "nobody"}, {"INTELWALL_FIREWALL": ""}])
def test_tells_why_it_cannot_start(package, tmp_path, variables):
    api = RuntimeApi()
    with Function(package, tmp_path / "root", api, **variables) as function:
        assert api.polled.wait(20)
        assert function.process.wait(20) == 1
    assert api.init_error[2] == "Intelwall.Usage", api.init_error
