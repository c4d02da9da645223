"""`intelwall rules`: lists in any shape become a folder of rules, as a whole or not at all, and can be read back."""

import csv
import gzip
import io
import json
import os
import pathlib
import random
import signal
import subprocess
import time

import pytest


@pytest.fixture
def intelwall(binary, tmp_path):
    def run(*arguments, data=b"", timeout=120):
        clean = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        data = data.encode() if isinstance(data, str) else data
        return subprocess.run(
            [binary("intelwall"), *map(str, arguments)], input=data, capture_output=True, cwd=tmp_path, env=clean, timeout=timeout
        )

    return run


def names(count, seed=1):
    """Real-looking: parents and children, frequent endings, hyphens, underscores, digits, punycode."""
    pick = random.Random(seed)
    tops = ["com", "net", "co.uk", "duckdns.org", "xyz", "xn--p1ai"]
    found = {}
    while len(found) < count:
        label = "".join(pick.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(pick.randint(3, 14)))
        name = f"{label}{pick.choice(['', '-x', '_y', '--z'])}a.{pick.choice(tops)}"
        if pick.random() < 0.2 and found:
            name = f"{label}.{pick.choice(list(found)[-200:])}"
        if len(name) <= 253:
            found[name] = None
    return list(found)


def uncovered(all_names):
    """What stays of a list when parents cover their children."""
    there = set(all_names)

    def covered(name):
        while "." in name:
            name = name.split(".", 1)[1]
            if name in there:
                return True
        return False

    return {name for name in there if not covered(name)}


def content_of(folder):
    return {path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir()}


def without_manifest(folder):
    return {name: bytes_ for name, bytes_ in content_of(folder).items() if name != "manifest.json"}


def decompiled(intelwall, folder):
    result = intelwall("rules", "decompile", folder)
    assert result.returncode == 0, result.stderr
    return result.stdout.decode().splitlines()


@pytest.mark.parametrize("form", ["packed", "suricata", "domain-list", "dataset"])
def test_every_form_gives_the_set_back(intelwall, tmp_path, form):
    listed = names(3_000)
    (tmp_path / "list.txt").write_text("\n".join(listed) + "\n")
    result = intelwall("rules", "compile", "list.txt", "-o", "out", "--format", form, "--json")
    assert result.returncode == 0, result.stderr
    manifest = json.loads(result.stdout)
    assert manifest == json.loads((tmp_path / "out/manifest.json").read_text())
    kept = uncovered(listed)
    assert manifest["domains_in"] == len(listed)
    assert manifest["domains_kept"] == len(kept)
    assert manifest["covered"] == len(listed) - len(kept)
    assert manifest["refused_count"] == 0 and manifest["refused"] == [] and manifest["left_out"] == []
    assert sum(group["rules"] for group in manifest["groups"]) == manifest["rules"]
    assert sum(group["bytes"] for group in manifest["groups"]) == manifest["bytes"]
    there = set(content_of(tmp_path / "out"))
    assert there == {group["file"] for group in manifest["groups"]} | set(manifest["data_files"]) | {"manifest.json"}
    assert decompiled(intelwall, "out") == sorted(f"{name}\tsubdomains" for name in kept)


def test_scopes_survive(intelwall, tmp_path):
    (tmp_path / "list.txt").write_text("=only.example.com\nwide.example.org\n*.star.net\n")
    assert intelwall("rules", "compile", "list.txt", "-o", "out").returncode == 0
    want = ["only.example.com\texact", "star.net\tsubdomains", "wide.example.org\tsubdomains"]
    assert decompiled(intelwall, "out") == want
    # What decompile writes is a list again.
    again = intelwall("rules", "compile", "-", "-o", "again", data="\n".join(want))
    assert again.returncode == 0, again.stderr
    assert without_manifest(tmp_path / "again") == without_manifest(tmp_path / "out")


def zstd(data):
    return subprocess.run(["zstd", "-q"], input=data, capture_output=True, check=True).stdout


def test_every_input_shape_and_order_gives_the_same_bytes(intelwall, tmp_path):
    listed = names(2_000, seed=2)
    plain = "".join(name + "\n" for name in listed).encode()
    assert intelwall("rules", "compile", "-", "-o", "want", data=plain).returncode == 0
    want = without_manifest(tmp_path / "want")

    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(["id", "host", "note"])
    for number, name in enumerate(listed):
        writer.writerow([number, name, 'a "note", with a comma'])
    shuffled = random.Random(3).sample(listed, len(listed))
    shapes = {
        "hosts": ("".join(f"0.0.0.0 {name}\n" for name in listed).encode(), []),
        "list.csv": (table.getvalue().encode(), ["--column", "host"]),
        "second.csv": (table.getvalue().encode(), ["--column", "2"]),
        "list.tsv": ("".join(f"{name}\tmalware\tsomebody\n" for name in listed).encode(), []),
        "list.jsonl": (
            "".join(json.dumps({"type": "domain", "indicator": name, "deleted": False}) + "\n" for name in listed).encode(),
            [],
        ),
        "list.txt.gz": (gzip.compress(plain), []),
        "list.txt.zst": (zstd(plain), []),
        "upper.txt": (plain.upper(), []),
        "dots.txt": (plain.replace(b"\n", b".\r\n"), []),
        "twice.txt": (plain + plain, []),
        "shuffled.txt": ("\n".join(shuffled).encode(), []),
    }
    for name, (data, options) in shapes.items():
        (tmp_path / name).write_bytes(data)
        result = intelwall("rules", "compile", name, "-o", f"out-{name}", *options)
        assert result.returncode == 0, (name, result.stderr)
        assert without_manifest(tmp_path / f"out-{name}") == want, name
    for name in ["list.tsv", "list.jsonl", "list.txt.gz", "list.txt.zst"]:
        result = intelwall("rules", "compile", "-", "-o", f"stdin-{name}", data=shapes[name][0])
        assert result.returncode == 0, (name, result.stderr)
        assert without_manifest(tmp_path / f"stdin-{name}") == want, name
    (tmp_path / "a.txt").write_bytes(plain[: plain.index(b"\n", 9_000) + 1])
    (tmp_path / "b.txt").write_bytes(plain[plain.index(b"\n", 9_000) + 1 :])
    assert intelwall("rules", "compile", "b.txt", "a.txt", "-o", "two").returncode == 0
    assert without_manifest(tmp_path / "two") == want


def test_indicators_that_are_no_live_domains_are_passed_over(intelwall, tmp_path):
    lines = [
        {"type": "domain", "indicator": "evil.com", "deleted": False, "malicious_confidence": "high"},
        {"type": "domain", "indicator": "gone.com", "deleted": True, "malicious_confidence": "high"},
        {"type": "hash_md5", "indicator": "d41d8cd98f00b204e9800998ecf8427e", "deleted": False},
        {"domain": "short.org"},
    ]
    (tmp_path / "x.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = intelwall("rules", "compile", "x.jsonl", "-o", "out", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["refused_count"] == 0
    assert decompiled(intelwall, "out") == ["evil.com\tsubdomains", "short.org\tsubdomains"]


def test_refused_lines_are_told_with_file_line_and_reason(intelwall, tmp_path):
    listed = names(500, seed=4)
    listed[9:9] = ["10.1.2.3"]
    listed[99:99] = ["not a domain"]
    (tmp_path / "list.txt").write_text("\n".join(listed) + "\n")
    result = intelwall("rules", "compile", "list.txt", "-o", "out", "--json")
    assert result.returncode == 0, result.stderr
    manifest = json.loads(result.stdout)
    assert manifest["domains_in"] == 500 and manifest["refused_count"] == 2
    assert [(each["text"], each["line"]) for each in manifest["refused"]] == [("10.1.2.3", 10), ("not a domain", 100)]
    assert "IP address" in manifest["refused"][0]["reason"] and "white space" in manifest["refused"][1]["reason"]
    assert b"list.txt:10: " in result.stderr and b"list.txt:100: " in result.stderr


def test_too_many_refused_lines_write_nothing(intelwall, tmp_path):
    good = names(98, seed=5)
    (tmp_path / "bad.txt").write_text("\n".join(good + ["-", "10.0.0.1"]) + "\n")
    (tmp_path / "good.txt").write_text("evil.com\n")
    assert intelwall("rules", "compile", "good.txt", "-o", "out").returncode == 0
    before = content_of(tmp_path / "out")
    for options in [[], ["--max-errors", "1.9%"], ["--max-errors", "1"], ["--max-errors", "0"]]:
        result = intelwall("rules", "compile", "bad.txt", "-o", "out", "--json", *options)
        assert result.returncode == 1, options
        told = json.loads(result.stdout)
        assert told["refused_count"] == 2 and "max-errors" in told["error"]["message"]
        assert content_of(tmp_path / "out") == before
        result = intelwall("rules", "compile", "bad.txt", "-o", "new", *options)
        assert result.returncode == 1 and not (tmp_path / "new").exists()
    for options in [["--max-errors", "2%"], ["--max-errors", "2"], ["--max-errors", "100%"]]:
        assert intelwall("rules", "compile", "bad.txt", "-o", "out", *options).returncode == 0, options
    assert len(list(tmp_path.iterdir())) == 3, "nothing is left beside"


def test_an_empty_list_never_empties_the_rules(intelwall, tmp_path):
    (tmp_path / "good.txt").write_text("evil.com\n")
    assert intelwall("rules", "compile", "good.txt", "-o", "out").returncode == 0
    before = content_of(tmp_path / "out")
    for data in ["", "# nothing\n", "\n\n", '{"type":"domain","indicator":"a.com","deleted":true}\n']:
        result = intelwall("rules", "compile", "-", "-o", "out", data=data)
        assert result.returncode == 1 and b"no domain" in result.stderr
        assert content_of(tmp_path / "out") == before


def test_what_does_not_fit_is_left_out_by_name(intelwall, tmp_path):
    listed = [f"host{i}.example{i % 7}.com" for i in range(300)]
    (tmp_path / "list.txt").write_text("\n".join(listed))
    result = intelwall("rules", "compile", "list.txt", "-o", "out", "--format", "suricata", "--max-rules", "100", "--json")
    assert result.returncode == 3, result.stderr
    manifest = json.loads(result.stdout)
    assert manifest["capacity"] <= 100
    left_out = {each["domain"] for each in manifest["left_out"]}
    assert manifest["domains_kept"] + len(left_out) == 300 and left_out < set(listed)
    assert {line.split("\t")[0] for line in decompiled(intelwall, "out")} == set(listed) - left_out
    # The least sure go first.
    lines = [
        {"type": "domain", "indicator": name, "malicious_confidence": "low" if i % 2 else "high"} for i, name in enumerate(listed)
    ]
    (tmp_path / "list.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    result = intelwall("rules", "compile", "list.jsonl", "-o", "ranked", "--format", "suricata", "--max-rules", "300", "--json")
    assert result.returncode == 3
    assert {each["domain"] for each in json.loads(result.stdout)["left_out"]} == set(listed[1::2])


@pytest.mark.parametrize(
    "arguments",
    [
        ["rules"],
        ["rules", "compile"],
        ["rules", "compile", "list.txt"],
        ["rules", "compile", "list.txt", "-o", "out", "--format", "nonsense"],
        ["rules", "compile", "list.txt", "-o", "out", "--max-errors", "many"],
        ["rules", "compile", "list.txt", "-o", "out", "--max-errors", "101%"],
        ["rules", "compile", "list.txt", "-o", "out", "--max-rules", "-1"],
        ["rules", "compile", "list.txt", "-o", "out", "--action", "nonsense"],
        ["rules", "compile", "list.txt", "-o", "out", "--protocols", "smtp"],
        ["rules", "compile", "list.txt", "-o", "out", "--variable", "HOME_NET"],
        ["rules", "match"],
        ["rules", "match", "-"],
        ["rules", "diff", "out"],
    ],
)
def test_wrong_usage_is_two(intelwall, tmp_path, arguments):
    (tmp_path / "list.txt").write_text("evil.com\n")
    result = intelwall(*arguments)
    assert result.returncode == 2, result.stderr
    assert result.stderr.startswith(b"intelwall: ") and not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", [["compile", "gone.txt", "-o", "out"], ["match", "gone.txt"], ["decompile", "gone"], ["diff", "gone", "gone"]])
def test_what_is_not_there_is_one_sentence(intelwall, arguments):
    result = intelwall("rules", *arguments)
    assert result.returncode == 1
    assert result.stderr.decode().count("\n") == 1 and b"gone" in result.stderr


def test_a_damaged_pack_writes_nothing(intelwall, tmp_path):
    whole = gzip.compress("".join(name + "\n" for name in names(3_000)).encode())
    (tmp_path / "cut.txt.gz").write_bytes(whole[:-100])
    result = intelwall("rules", "compile", "cut.txt.gz", "-o", "out")
    assert result.returncode == 1 and b"cut.txt.gz" in result.stderr and not (tmp_path / "out").exists()


def test_a_folder_with_other_things_is_left_alone(intelwall, tmp_path):
    (tmp_path / "list.txt").write_text("evil.com\n")
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.txt").write_text("years of work")
    result = intelwall("rules", "compile", "list.txt", "-o", "home")
    assert result.returncode == 1 and b"thesis.txt" in result.stderr
    assert content_of(home) == {"thesis.txt": b"years of work"}
    result = intelwall("rules", "compile", "list.txt", "-o", "list.txt")
    assert result.returncode == 1 and (tmp_path / "list.txt").read_text() == "evil.com\n"


def test_a_new_run_replaces_the_whole_folder(intelwall, tmp_path):
    (tmp_path / "many.txt").write_text("\n".join(names(2_000)))
    (tmp_path / "one.txt").write_text("evil.com\n")
    options = ["-o", "out/", "--format", "suricata", "--max-group-bytes", "100000"]
    assert intelwall("rules", "compile", "many.txt", *options).returncode == 0
    assert len(content_of(tmp_path / "out")) > 3
    os.chmod(tmp_path / "out", 0o750)
    assert intelwall("rules", "compile", "one.txt", *options).returncode == 0
    assert set(content_of(tmp_path / "out")) == {"001.rules", "manifest.json"}
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o750
    link = tmp_path / "link"
    link.symlink_to("out")
    assert intelwall("rules", "compile", "many.txt", "-o", "link", "--format", "suricata").returncode == 0
    assert link.is_symlink() and len(decompiled(intelwall, "out")) > 100


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(place)], capture_output=True).returncode != 0:
        pytest.skip("a disk cannot be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("inside", ["out", "."])
def test_a_full_disk_leaves_the_old_files_whole(intelwall, tmp_path, small_disk, inside):
    output = small_disk / inside
    (tmp_path / "small.txt").write_text("\n".join(names(100)))
    (tmp_path / "large.txt").write_text("\n".join(names(20_000)))
    result = intelwall("rules", "compile", "small.txt", "-o", output)
    assert result.returncode == 0, result.stderr
    before = content_of(output)
    result = intelwall("rules", "compile", "large.txt", "-o", output, "--format", "suricata", "--max-rules", "100000")
    assert result.returncode == 1 and b"No space left" in result.stderr
    assert content_of(output) == before
    assert [path.name for path in small_disk.iterdir() if path.name.startswith(".")] == []
    result = intelwall("rules", "compile", "small.txt", "-o", output, "--action", "alert")
    assert result.returncode == 0, result.stderr
    assert content_of(output).keys() == before.keys() and content_of(output) != before


def test_a_kill_at_any_time_leaves_old_or_new_files_whole(binary, intelwall, tmp_path):
    (tmp_path / "old.txt").write_text("\n".join(names(2_000, seed=8)))
    (tmp_path / "new.txt").write_text("\n".join(names(8_000, seed=9)))
    options = ["--format", "suricata", "--max-group-bytes", "200000", "--max-groups", "2000", "--max-rules", "100000"]
    for name in ["old", "new"]:
        result = intelwall("rules", "compile", f"{name}.txt", "-o", name, *options)
        assert result.returncode == 0, result.stderr
    old, new = content_of(tmp_path / "old"), content_of(tmp_path / "new")
    assert len(new) > 8
    started = time.monotonic()
    assert intelwall("rules", "compile", "new.txt", "-o", "timed", *options).returncode == 0
    whole_run = time.monotonic() - started
    pick = random.Random(10)
    killed = seen_old = 0
    for turn in range(30):
        source, other = ("new.txt", old) if turn % 2 else ("old.txt", new)
        current = content_of(tmp_path / "old")
        assert current in (old, new)
        process = subprocess.Popen(
            [binary("intelwall"), "rules", "compile", source, "-o", "old", *options],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(pick.random() * min(whole_run, 2))
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        after = content_of(tmp_path / "old")
        assert after in (old, new), "neither the old files nor the new ones"
        seen_old += after == current
    assert killed > 0 and seen_old > 0
    result = intelwall("rules", "compile", "new.txt", "-o", "old", *options)
    assert result.returncode == 0 and content_of(tmp_path / "old") == new
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".old.")] == [], "what was left is swept up"


def test_match_agrees_with_a_naive_matcher(intelwall, tmp_path):
    listed = names(2_000, seed=11)
    pick = random.Random(12)
    exact = set(pick.sample(listed, 300))
    (tmp_path / "list.txt").write_text("".join(f"={name}\n" if name in exact else f"{name}\n" for name in listed))
    there = set(listed)

    def covering(name):
        at = name
        while True:
            if at in there and (at not in exact or at == name):
                return at
            if "." not in at:
                return None
            at = at.split(".", 1)[1]

    asked = []
    for name in pick.sample(listed, 1_000):
        asked += [name, "www." + name, "x" + name, name.split(".", 1)[1], name[:-1] + "q", name + ".com", "a.b.c." + name]
    asked = [name for name in asked if "." in name and len(name) <= 253 and max(map(len, name.split("."))) <= 63]
    want = [f"{name}\t{covering(name)}" for name in asked if covering(name)]
    assert 1_000 < len(want) < len(asked)
    result = intelwall("rules", "match", "list.txt", data="\n".join(asked))
    assert result.returncode == 0, result.stderr
    assert result.stdout.decode().splitlines() == want
    told = json.loads(intelwall("rules", "match", "list.txt", "--json", data="\n".join(asked)).stdout)
    assert [f"{hit['name']}\t{hit['entry']}" for hit in told["hits"]] == want


def test_match_takes_any_bytes(intelwall, tmp_path):
    (tmp_path / "list.txt").write_text("evil.com\n")
    noise = random.Random(13).randbytes(20_000)
    data = b"WWW.Evil.COM.\n" + noise + b"\n" + b"a" * 3_000_000 + b".evil.com\n" + b"sub.evil.com"
    result = intelwall("rules", "match", "list.txt", data=data)
    assert result.returncode == 0
    assert result.stdout == b"WWW.Evil.COM.\tevil.com\nsub.evil.com\tevil.com\n"
    assert b"are no names" in result.stderr


def test_diff_is_in_names(intelwall, tmp_path):
    (tmp_path / "a.txt").write_text("evil.com\nsame.org\nscope.net\n")
    (tmp_path / "b.txt").write_text("same.org\n=scope.net\nadded.com\n")
    assert intelwall("rules", "compile", "a.txt", "-o", "a").returncode == 0
    assert intelwall("rules", "compile", "b.txt", "-o", "b", "--format", "domain-list").returncode == 0
    result = intelwall("rules", "diff", "a", "b")
    assert result.returncode == 0, result.stderr
    assert result.stdout.decode().splitlines() == [
        "+ added.com\tsubdomains",
        "- evil.com\tsubdomains",
        "- scope.net\tsubdomains",
        "+ scope.net\texact",
    ]
    assert intelwall("rules", "diff", "a", "a").stdout == b""


def test_previous_is_read_and_reported(intelwall, tmp_path):
    listed = names(2_000, seed=14)
    (tmp_path / "a.txt").write_text("\n".join(listed))
    (tmp_path / "b.txt").write_text("\n".join(listed[1:] + ["brand-new.example"]))
    small = ["--max-group-bytes", "20000"]
    assert intelwall("rules", "compile", "a.txt", "-o", "a", *small).returncode == 0
    result = intelwall("rules", "compile", "b.txt", "-o", "b", "--previous", "a", "--json", *small)
    assert result.returncode == 0, result.stderr
    manifest = json.loads(result.stdout)
    old_rules = b"".join(without_manifest(tmp_path / "a").values()).splitlines()
    new_rules = b"".join(without_manifest(tmp_path / "b").values()).splitlines()
    assert manifest["kept_rules"] == len(set(old_rules) & set(new_rules))
    assert len(old_rules) - 4 <= manifest["kept_rules"] < manifest["rules"]
    same = set(without_manifest(tmp_path / "a").values()) & set(without_manifest(tmp_path / "b").values())
    assert manifest["kept_groups"] == len(same) and len(manifest["groups"]) - 3 <= len(same) < len(manifest["groups"])
    assert sorted(f"{name}\tsubdomains" for name in uncovered(listed[1:] + ["brand-new.example"])) == decompiled(intelwall, "b")
    # The folder that is written may be the one that is kept from, and people are told.
    result = intelwall("rules", "compile", "a.txt", "-o", "a", "--previous", "a", *small)
    assert result.returncode == 0, result.stderr
    assert f"{len(old_rules)} rules and ".encode() in result.stdout and b"are as in a" in result.stdout
    result = intelwall("rules", "compile", "a.txt", "-o", "a", "--previous", "gone", *small)
    assert result.returncode == 1 and b"gone" in result.stderr


def test_progress_is_shown_on_a_terminal_only(binary, intelwall, tmp_path):
    (tmp_path / "list.txt").write_text("\n".join(names(2_000)))
    assert intelwall("rules", "compile", "list.txt", "-o", "out").stderr == b""
    ours, theirs = os.openpty()
    command = [binary("intelwall"), "rules", "compile", "list.txt", "-o", "out"]
    subprocess.run(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=theirs, check=True, timeout=60)
    os.close(theirs)
    shown = os.read(ours, 65_536)
    os.close(ours)
    assert b"compiling" in shown and shown.endswith(b"\r\x1b[K"), shown


def test_quic_has_groups_of_its_own_and_is_never_rejected(intelwall, tmp_path):
    out = tmp_path / "rules"
    made = intelwall("rules", "compile", "-", "-o", out, "--protocols", "tls,http,quic", "--action", "reject", data="evil.example\n")
    assert made.returncode == 0, made.stderr
    files = {name: text.decode() for name, text in content_of(out).items() if name.endswith(".rules")}
    assert sorted(files) == ["001.rules", "002.rules"]
    assert "quic" not in files["001.rules"] and files["001.rules"].startswith("reject tls ")
    rules = files["002.rules"].splitlines()
    assert rules and all(rule.startswith("drop quic ") and "quic.sni" in rule for rule in rules)
    back = intelwall("rules", "decompile", out)
    assert back.returncode == 0 and b"evil.example" in back.stdout
