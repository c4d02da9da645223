"""`intelwall intel feed` as its user meets it: files, and a server that knows versions."""

import gzip
import http.server
import json
import os
import subprocess
import threading

import pytest

BUNDLE = {"type": "bundle", "id": "bundle--1", "objects": [
    {"type": "indicator", "id": "indicator--1", "created": "2026-01-02T03:04:05Z", "modified": "2026-01-02T03:04:05Z",
     "pattern": "[domain-name:value = 'evil.example' OR domain-name:value = 'bad.example']", "pattern_type": "stix", "confidence": 90},
    {"type": "relationship", "relationship_type": "indicates", "source_ref": "indicator--1", "target_ref": "threat-actor--1"},
    {"type": "threat-actor", "id": "threat-actor--1", "name": "FANCYBEAR"}]}  # fmt: skip


@pytest.fixture
def server():
    class Handler(http.server.BaseHTTPRequestHandler):
        answer = (200, {"ETag": '"v1"', "Last-Modified": "Tue, 24 Nov 2026 14:00:00 GMT"}, json.dumps(BUNDLE).encode())
        asked = []
        promised = None

        def do_GET(self):
            self.asked.append(dict(self.headers))
            status, headers, body = self.answer
            if status == 200 and self.headers.get("If-None-Match", "?") == headers.get("ETag"):
                status, body = 304, b""
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(self.promised or len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    Handler.asked = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.handler = Handler
    server.url = f"http://127.0.0.1:{server.server_port}/feed.json?key=s3cret"
    yield server
    server.shutdown()


@pytest.fixture
def feed(binary, tmp_path):
    env = {**os.environ, "no_proxy": "127.0.0.1"}

    def run(place, *more, data=None):
        return subprocess.run([binary("intelwall"), "intel", "feed", str(place), "-o", "out.jsonl", *more], cwd=tmp_path,
                              env=env, input=data, capture_output=True, timeout=60)  # fmt: skip

    run.lines = lambda: [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    run.directory = tmp_path
    return run


def left(directory):
    return sorted(path.name for path in directory.iterdir())


def test_a_bundle_is_asked_for_again_only_when_it_changed(feed, server):
    first = feed(server.url, "--source", "partner", "--json")
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["taken"] == 2
    assert {(item["indicator"], item["malicious_confidence"], item["source"], *item["actors"]) for item in feed.lines()} == {
        ("evil.example", "high", "partner", "FANCYBEAR"), ("bad.example", "high", "partner", "FANCYBEAR")}  # fmt: skip
    assert left(feed.directory) == ["out.jsonl", "out.jsonl.version"]
    again = feed(server.url, "--json")
    assert again.returncode == 0 and json.loads(again.stdout)["unchanged"] is True
    assert server.handler.asked[1]["If-None-Match"] == '"v1"'
    assert server.handler.asked[1]["If-Modified-Since"] == "Tue, 24 Nov 2026 14:00:00 GMT"
    assert len(feed.lines()) == 2 and left(feed.directory) == ["out.jsonl", "out.jsonl.version"]
    server.handler.answer = (200, {"ETag": '"v2"'}, gzip.compress(b"new.example\n"))
    assert feed(server.url).returncode == 0
    assert [item["indicator"] for item in feed.lines()] == ["new.example"]
    # Without the file, the version that is known is of no use.
    (feed.directory / "out.jsonl").unlink()
    assert feed(server.url).returncode == 0 and len(feed.lines()) == 1


@pytest.mark.parametrize(
    "answer, said",
    [((302, {"Location": "https://elsewhere.example/"}, b""), b"name https://elsewhere.example/"),
     ((403, {}, b"no"), b"wants a key"), ((404, {}, b""), b"check the address"), ((503, {}, b""), b"try again later"),
     ((200, {}, b"<html>maintenance</html>"), b"a web page"), ((200, {}, b'{"message":"slow down"}'), b"neither a STIX bundle"),
     ((200, {}, b"\x1f\x8b damaged"), b"cannot unpack it"), ((200, {}, json.dumps(BUNDLE).encode()[:-9]), b"cannot be read")])  # fmt: skip
def test_what_is_no_feed_changes_nothing(feed, server, answer, said):
    (feed.directory / "out.jsonl").write_text("old\n")
    server.handler.answer = answer
    run = feed(server.url)
    assert run.returncode == 1 and said in run.stderr, run.stderr
    assert run.stderr.count(b"\n") == 1 and b"s3cret" not in run.stderr
    assert (feed.directory / "out.jsonl").read_text() == "old\n"
    assert left(feed.directory) == ["out.jsonl"]


def test_an_answer_that_breaks_off_changes_nothing(feed, server):
    server.handler.promised = 100_000
    run = feed(server.url)
    assert run.returncode == 1 and left(feed.directory) == []


def test_only_https_and_this_machine(feed):
    run = feed("http://feeds.example/list.txt")
    assert run.returncode == 1 and b"must come over https" in run.stderr
    assert feed("ftp://feeds.example/list.txt").returncode == 1
    assert b"no connection" in feed("https://127.0.0.1:1/x").stderr
    assert feed("nowhere.txt").returncode == 1


def test_files_of_every_form(feed):
    (feed.directory / "in.csv").write_text("name,family\nevil.example,x\nnot a name,y\n")
    run = feed("in.csv", "--confidence", "low")
    assert run.returncode == 3 and b"in.csv:3:" in run.stderr
    assert [(item["indicator"], item["malicious_confidence"]) for item in feed.lines()] == [("evil.example", "low")]
    assert feed("-", data=b"0.0.0.0 evil.example\n").returncode == 0
    assert [item["id"] for item in feed.lines()] == ["domain_evil.example"]
    bundle = json.dumps({"type": "bundle", "objects": [BUNDLE["objects"][0] | {"pattern": "[a:b = 'c' AND a:d = 'e']"}, *BUNDLE["objects"]]})
    assert feed("-", data=bundle.encode()).returncode == 0, "the later version of the same indicator counts"
    assert feed("in.csv", "--confidence", "huge").returncode == 2
