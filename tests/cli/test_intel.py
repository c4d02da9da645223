"""`intelwall intel` as its user meets it, against the lab's Falcon endpoint; falconpy must get the same set."""

import collections
import fcntl
import json
import os
import signal
import subprocess
import time

import pytest
from falconpy import Intel
from judged_falcon import JudgedFalcon

COUNT = 3000
HIGH = "type:'domain'+malicious_confidence:'high'"
FIGURE = "\"type:'domain'+malicious_confidence:'High'+targets:'Technology'+last_updated:>'{old_date}'\""


class Lab(JudgedFalcon):
    def __init__(self, binary, directory):
        super().__init__(binary("judge_falcon"), 2, 1800, 1799, COUNT)
        self.binary = binary("intelwall")
        self.directory = directory
        self.falconpy = Intel(**self.keys)
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("FALCON_")} | self.env

    def start(self, *arguments, **env):
        return subprocess.Popen([self.binary, "intel", *arguments], env=self.environment | env, cwd=self.directory,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip

    def run(self, *arguments, **env):
        process = self.start(*arguments, **env)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def pull(self, filter, *more):
        run = self.run("pull", filter, "-o", "pulled.jsonl", *more)
        assert run.returncode == 0, run.stderr
        return self.lines("pulled.jsonl")

    def lines(self, name):
        return [json.loads(line) for line in (self.directory / name).read_text().splitlines()]

    def wanted(self, filter, **more):
        """All of it, as CrowdStrike's own bridges page: by the last marker, until nothing new comes."""
        marker, seen = "0", {}
        while True:
            answer = self.falconpy.query_indicator_entities(
                filter=f"({filter})+_marker:>='{marker}'", limit=1000, sort="_marker.asc", **more)  # fmt: skip
            assert answer["status_code"] == 200, answer["body"]
            page = answer["body"]["resources"]
            if all(item["id"] in seen for item in page):
                return seen
            seen.update({item["id"]: item for item in page})
            marker = page[-1]["_marker"]


@pytest.fixture
def lab(binary, tmp_path):
    lab = Lab(binary, tmp_path)
    yield lab
    lab.end()


@pytest.mark.parametrize("manners", [{}, {"most_a_page": 113}, {"most_a_page": 500, "next_page": True}])
@pytest.mark.parametrize("filter", [HIGH, "type:['domain','url'],actors:'FANCYBEAR'", "deleted:[true,false]"])
def test_our_client_and_falconpy_get_the_same(lab, filter, manners):
    wanted = lab.wanted(filter, include_deleted="deleted" in filter)
    if manners:
        lab.lab("manners", **manners)
    ours = lab.pull(filter)
    assert {item["id"]: item for item in ours} == wanted and len(ours) == len(wanted) > 0
    assert not list(lab.directory.glob("*.part*"))
    slim = lab.pull(filter, "--without-relations", "--page-size", "20") if filter == HIGH and not manners else []
    assert not any("relations" in item for item in slim)
    assert len(slim) in (0, len(wanted))


def test_the_figures_query(lab):
    assert {"badcdn.example", "c2.badcdn.example"} <= {item["indicator"] for item in lab.pull(FIGURE)}
    found = json.loads(lab.run("search", FIGURE, "--json").stdout)
    assert found["count"] == len(lab.pull(FIGURE))


def test_search_counts_shows_and_sorts(lab):
    wanted = lab.wanted(HIGH)
    found = json.loads(lab.run("search", HIGH, "--json", "--limit", "7", "--sort", "indicator|asc").stdout)
    assert found["count"] == found["facets_over"] == len(wanted) and found["sampled"] is False
    assert [item["indicator"] for item in found["indicators"]] == sorted(item["indicator"] for item in wanted.values())[:7]
    for facet in ("actors", "malware_families", "threat_types", "targets", "domain_types", "kill_chains"):
        counts = collections.Counter(value for item in wanted.values() for value in item[facet])
        assert {value["value"]: value["count"] for value in found["facets"][facet]} == counts, facet
    assert found["facets"]["type"] == [{"value": "domain", "count": len(wanted)}]
    assert found["facets"]["malicious_confidence"] == [{"value": "high", "count": len(wanted)}]
    assert sum(value["count"] for value in found["facets"]["last_updated"]) == len(wanted)
    text = lab.run("search", HIGH).stdout
    assert text.startswith(f"{len(wanted)} indicators match\n")
    assert "badcdn.example  by SALTYSPIDER" in text and "SALTYSPIDER" in text.split("of all:")[1]
    some = json.loads(lab.run("search", HIGH, "--text", "BADCDN", "--json").stdout)
    assert {item["indicator"] for item in some["indicators"]} == {"badcdn.example", "c2.badcdn.example"}


def test_facets_over_a_sample_say_so(lab):
    found = json.loads(lab.run("search", "type:*", "--sample", "100", "--json").stdout)
    assert found["count"] > 2900 and found["facets_over"] == 100 and found["sampled"] is True
    assert sum(value["count"] for value in found["facets"]["type"]) == 100
    assert "of the first 100 in this order:" in lab.run("search", "type:*", "--sample", "100").stdout
    lab.lab("manners", most_a_page=70)
    cut = json.loads(lab.run("search", "type:*", "--sample", "100", "--limit", "100", "--json").stdout)
    assert len({item["id"] for item in cut["indicators"]}) == 100


def test_a_pull_goes_on_where_it_broke_off(lab):
    wanted = lab.wanted(HIGH)
    lab.lab("manners", most_a_page=100)
    process = lab.start("pull", HIGH, "-o", "pulled.jsonl", "--page-size", "100")
    cursor = lab.directory / "pulled.jsonl.part.cursor"
    while not cursor.exists() and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (lab.directory / "pulled.jsonl").exists()
    done = json.loads(cursor.read_text())["written"]
    # What the kill left behind the cursor's bytes is of a page that was not taken.
    with open(lab.directory / "pulled.jsonl.part", "ab") as part:
        part.write(b'{"id":"half')
    run = lab.run("pull", HIGH, "-o", "pulled.jsonl", "--json")
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert told["resumed"] == done > 0 and told["written"] == len(wanted)
    ours = lab.lines("pulled.jsonl")
    assert {item["id"]: item for item in ours} == wanted and len(ours) == len(wanted)
    assert sorted(path.name for path in lab.directory.iterdir()) == ["pulled.jsonl"]


def test_another_query_begins_anew(lab):
    lab.lab("faults", fault="api", path="/intel/", status=400)
    assert lab.run("pull", HIGH, "-o", "pulled.jsonl").returncode == 1
    (lab.directory / "pulled.jsonl.part").write_text("x" * 100)
    for cursor in ('{"query":"other","begun":"2026-01-01T00:00:00Z","bytes":50,"written":5,"cursor":"{\\"marker\\":\\"9\\"}"}', "garbage"):
        (lab.directory / "pulled.jsonl.part.cursor").write_text(cursor)
        told = json.loads(lab.run("pull", HIGH, "-o", "pulled.jsonl", "--json").stdout)
        assert told["resumed"] == 0 and told["written"] == len(lab.lines("pulled.jsonl")) > 100


def test_a_failure_leaves_the_old_file(lab):
    (lab.directory / "pulled.jsonl").write_text("old\n")
    lab.lab("faults", fault="api", path="/intel/", status=400)
    run = lab.run("pull", HIGH, "-o", "pulled.jsonl")
    assert run.returncode == 1 and "Falcon answered 400" in run.stderr
    assert (lab.directory / "pulled.jsonl").read_text() == "old\n"


def test_two_pulls_do_not_write_one_file(lab):
    with open(lab.directory / "pulled.jsonl.part", "w") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        run = lab.run("pull", HIGH, "-o", "pulled.jsonl")
    assert run.returncode == 1 and "another pull writes it" in run.stderr


def test_standard_output_and_what_is_no_file(lab):
    run = lab.run("pull", HIGH, "-o", "-")
    assert {json.loads(line)["id"] for line in run.stdout.splitlines()} == set(lab.wanted(HIGH))
    for place in ("/dev/null", "."):
        run = lab.run("pull", HIGH, "-o", place)
        assert run.returncode == 1 and "this is no file" in run.stderr
    run = lab.run("pull", HIGH, "-o", "nowhere/pulled.jsonl")
    assert run.returncode == 1 and "nowhere/pulled.jsonl.part" in run.stderr


@pytest.mark.parametrize("command", [("search",), ("pull", "-o", "pulled.jsonl")])
def test_fql_is_read_before_any_call(lab, command):
    run = lab.run(command[0], "type:'domain' AND deleted:false", *command[1:], FALCON_BASE_URL="http://127.0.0.1:1")
    assert run.returncode == 1
    lines = run.stderr.splitlines()
    assert lines[0] == "intelwall: FQL column 15: `AND` is not FQL (use `+`)"
    assert lines[2].index("^") == lines[1].index("AND")
    assert list(lab.directory.iterdir()) == []


@pytest.mark.parametrize(
    "env, said",
    [({"FALCON_CLIENT_SECRET": "wrong"}, ("403", "check FALCON_CLIENT_ID and FALCON_CLIENT_SECRET")),
     ({"FALCON_CLIENT_ID": ""}, ("FALCON_CLIENT_ID",)),
     ({"FALCON_BASE_URL": "", "FALCON_CLOUD": "mars-1"}, ("mars-1", "us-1")),
     ({"FALCON_BASE_URL": "http://falcon.example"}, ("https",)),
     ({"FALCON_BASE_URL": "http://127.0.0.1:1"}, ("no connection", "check that the endpoint is up")),
     ({"FALCON_BASE_URL": "https://127.0.0.1:{port}"}, ("TLS",)),
     ({"http_proxy": "http://127.0.0.1:1", "no_proxy": ""}, ("127.0.0.1", "proxy"))])  # fmt: skip
def test_what_the_world_does_wrong_is_one_sentence(lab, env, said):
    env = {name: value.replace("{port}", lab.base_url.rsplit(":", 1)[1]) for name, value in env.items()}
    run = lab.run("search", HIGH, **env)
    assert run.returncode in (1, 2) and run.stdout == ""
    assert run.stderr.startswith("intelwall: ") and run.stderr.count("\n") == 1
    for words in said:
        assert words.lower() in run.stderr.lower(), run.stderr
    assert lab.keys["client_secret"] not in run.stderr


def test_a_missing_scope_is_named(lab):
    lab.lab("faults", fault="api", path="/intel/", status=403)
    run = lab.run("search", HIGH)
    assert run.returncode == 1 and '"Indicators (Falcon Intelligence): Read"' in run.stderr


def test_too_many_calls_are_waited_for(lab):
    lab.lab("faults", fault="api", path="/intel/", status=429, seconds=2)  # the time to wait until is told in whole seconds
    begin = time.monotonic()
    assert lab.run("search", HIGH).returncode == 0
    assert time.monotonic() - begin > 0.5
