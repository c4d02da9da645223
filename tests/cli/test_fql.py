"""`intelwall fql` as its user meets it, and its answers against plain Python's."""

import gzip
import json
import pathlib
import random
import resource
import subprocess
import sys

import pytest

REFERENCE = pathlib.Path(__file__).parents[2] / "bench" / "fql_reference.py"
FIGURE = "\"type:'domain'+malicious_confidence:'High'+targets:'Technology'+last_updated:>'{old_date}'\""
NOW = 1_767_225_600  # 2026-01-01


@pytest.fixture
def fql(binary, tmp_path):
    def run(*arguments, data=b"", **options):
        return subprocess.run(
            [binary("intelwall"), "fql", *arguments], input=data, capture_output=True, cwd=tmp_path, timeout=120, **options
        )

    return run


def indicators(count, seed=1):
    pick = random.Random(seed)
    for number in range(count):
        published = NOW - pick.randrange(300 * 86400)
        kind = pick.choice(("domain", "domain", "url", "ip_address"))
        yield {
            "id": f"{kind}_n{number}.example.com",
            "indicator": f"n{number}.example.com",
            "type": kind,
            "deleted": pick.random() < 0.1,
            "published_date": published,
            "last_updated": min(NOW, published + pick.randrange(40 * 86400)),
            "actors": pick.sample(["SALTYSPIDER", "FANCYBEAR"], pick.randrange(3)),
            "malicious_confidence": pick.choice(("high", "medium", "low", "unverified")),
            "_marker": f"{published}{pick.getrandbits(128):032x}",
            "labels": [{"name": "MaliciousConfidence/High", "created_on": published}] * pick.randrange(2),
            "targets": pick.sample(["Technology", "Energy", "Retail"], pick.randrange(3)),
            "vulnerabilities": pick.choice((None, [], ["CVE-2025-1"])),
        }


def as_lines(objects):
    return "".join(json.dumps(each) + "\n" for each in objects).encode()


def test_the_figures_query_works_as_it_stands(fql):
    result = fql("check", FIGURE)
    assert result.returncode == 0
    assert result.stdout.decode() == (
        "type:'domain'+malicious_confidence:'High'+targets:'Technology'+last_updated:>'now-30d'\n"
    )
    assert result.stderr == b""
    answer = json.loads(fql("check", FIGURE, "--json", "--old-date", "7d", "--now", "2026-01-08").stdout)
    assert answer["ok"] is True and answer["warnings"] == []
    assert answer["canonical"].endswith("last_updated:>'now-7d'")
    assert answer["resolved"].endswith("last_updated:>'2026-01-01T00:00:00Z'")


def test_an_error_has_its_column_a_caret_and_a_hint(fql):
    result = fql("check", "type:'domain' AND deleted:false")
    assert result.returncode == 1
    assert result.stdout == b""
    lines = result.stderr.decode().splitlines()
    assert lines[0] == "intelwall: FQL column 15: `AND` is not FQL (use `+`)"
    assert lines[1].index("AND") == lines[2].index("^")
    answer = json.loads(fql("check", "last_updated:< ='2024-01-01'", "--json").stdout)
    assert answer["ok"] is False and answer["column"] == 14
    assert answer["error"]["hint"] == "`=` belongs before the date: `:<='…'`"


def test_explain_says_what_binds_tighter(fql):
    result = fql("explain", "type:'domain',type:'url'+deleted:false")
    assert result.returncode == 0
    assert result.stdout.decode().splitlines() == [
        "at least one of",
        "  type: is 'domain' (case ignored)",
        "  all of",
        "    type: is 'url' (case ignored)",
        "    deleted: is false",
    ]
    assert b"`+` binds tighter than `,`" in result.stderr
    tree = json.loads(fql("explain", "a:'1',b:'2'+c:3", "--json").stdout)["tree"]
    assert tree == {"any": [{"condition": "a:'1'"}, {"all": [{"condition": "b:'2'"}, {"condition": "c:3"}]}]}


FILTERS = [
    FIGURE.replace("{old_date}", "{now-90d}").strip('"'),
    "deleted:false+(type:'domain',type:'url')+_marker:>='1750000000'",
    "type:!['domain','url'],malicious_confidence:['HIGH','medium']+actors:'salty*'",
    "actors:~'fancybear'+published_date:<='2025-11-01'",
    "vulnerabilities:null+labels.name:!'MaliciousConfidence/High'",
    "indicator:*'*7.example*'+targets:!''+published_date:'2025-12-01',last_updated:>1766000000",
]


def test_eval_agrees_with_plain_python(fql, tmp_path):
    objects = list(indicators(3_000))
    file = tmp_path / "indicators.jsonl"
    file.write_bytes(as_lines(objects))
    filters = [each.replace("{now-90d}", "now-90d") for each in FILTERS]
    subprocess.run(
        [sys.executable, REFERENCE, file, *filters, "--now", str(NOW), "--rounds", "1", "--ids", tmp_path / "ids"],
        check=True, capture_output=True, timeout=120,
    )
    lines = file.read_bytes().splitlines(keepends=True)
    for text, numbers in zip(FILTERS, (tmp_path / "ids").read_text().splitlines(), strict=True):
        expected = [lines[int(number)] for number in numbers.split()]
        assert 0 < len(expected) < len(lines), text
        result = fql("eval", text, file, "--now", str(NOW))
        assert result.returncode == 0, result.stderr
        assert result.stdout == b"".join(expected), text


def test_eval_leaves_lines_as_they_are_and_reads_packed_ones(fql, tmp_path):
    line = b'{ "type" : "domain","n": 1.50, "text":"\\u00e9\\/" }\n'
    (tmp_path / "x.gz").write_bytes(gzip.compress(line))
    assert fql("eval", "type:'domain'", "x.gz").stdout == line
    assert fql("eval", "type:'domain'", "-", data=line + b"\n\n" + line).stdout == line * 2


def test_eval_names_lines_it_cannot_read(fql):
    result = fql("eval", "type:'domain'", "-", data=b'{"type":"domain"}\nnope\n[1]\n{"type":"url"}\n')
    assert result.returncode == 3
    assert result.stdout == b'{"type":"domain"}\n'
    told = result.stderr.decode().splitlines()
    assert len(told) == 2 and ":2: " in told[0] and ":3: " in told[1]
    assert fql("eval", "type:'domain'", "-", data=b"nope\n").returncode == 1
    assert fql("eval", "type:'domain'", "-", data=b"").returncode == 0
    many = fql("eval", "type:'domain'", "-", data=b"nope\n" * 1_000 + b"{}\n")
    assert many.returncode == 3 and len(many.stderr.splitlines()) == 21 and b"980 more lines" in many.stderr


def test_eval_needs_no_more_memory_for_more_lines(binary, tmp_path):
    file = tmp_path / "big.jsonl"
    block = as_lines(indicators(2_000))
    with file.open("wb") as out:
        for _ in range(200):
            out.write(block)
    assert file.stat().st_size > 100_000_000

    def bounded():
        resource.setrlimit(resource.RLIMIT_DATA, (64 << 20, 64 << 20))

    runs_sanitized = b"AddressSanitizer" in pathlib.Path(binary("intelwall")).read_bytes()
    result = subprocess.run(
        [binary("intelwall"), "fql", "eval", "type:'nothing*'", file],
        capture_output=True, timeout=300, preexec_fn=None if runs_sanitized else bounded,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == b""


@pytest.mark.parametrize(
    "arguments",
    [[], ["check"], ["eval", "a:1"], ["check", "a:1", "--now", "soon"], ["check", "a:1", "--old-date", "never"], ["check", "a:1", "--now", "-5"]],
)
def test_wrong_usage_is_two(fql, arguments):
    result = fql(*arguments)
    assert result.returncode == 2
    assert result.stderr.strip()


def test_a_missing_file_and_any_bytes_are_errors_in_words(fql):
    assert b"cannot read it" in fql("eval", "a:1", "nowhere.jsonl").stderr
    pick = random.Random(5)
    for _ in range(40):
        text = bytes(pick.choice(b"a:'\"+,()[]!<>=~*\\ \n{}\xc3\xff.1") for _ in range(pick.randrange(30)))
        result = fql("check", b"--", text) if text else fql("check", b"")
        assert result.returncode in (0, 1), (text, result.stderr)
        if result.returncode == 1:
            assert result.stderr.startswith(b"intelwall: FQL column"), text
            result.stderr.decode()
