"""`intelwall lab` from outside: it comes up, carries packets, and leaves nothing behind, whatever is killed when.

Each lab runs in a mount namespace of the test's own with an empty /run, so that its network namespaces are not those of a
lab that somebody has up on this machine.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import uuid

import falconpy
import pytest

needs_packets = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("suricata"), reason="needs root and suricata: run scripts/setup as root"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Lab:
    def __init__(self, binary, holder=None, directory="/run"):
        self.binary = binary
        self.prefix = ["nsenter", "-m", "-t", str(holder)] if holder else []
        self.directory = f"{directory}/iw-{uuid.uuid4().hex[:12]}"
        self.port, self.falcon_port = free_port(), free_port()
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "INTELWALL_"))}
        self.env["INTELWALL_LAB_DIR"] = self.directory

    def start(self, *arguments, **more):
        return subprocess.Popen([*self.prefix, self.binary, *arguments], env=self.env, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, **more)

    def run(self, *arguments):
        process = self.start(*arguments)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def up(self, *arguments):
        return self.run("lab", "up", *self.ports(), *arguments)

    def ports(self):
        return ["--aws-port", str(self.port), "--falcon-port", str(self.falcon_port)]

    def left(self):
        """All that is still there of the lab."""
        left = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if self.directory.encode() in path.read_bytes():
                    left.append(path.read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                pass
        script = f"ls -d {self.directory} /run/netns/iw-* 2>/dev/null; true"
        listed = subprocess.run([*self.prefix, "sh", "-c", script], capture_output=True, text=True, check=True)
        # The shell of this very look names the directory too.
        return [line for line in left if "ls -d" not in line] + listed.stdout.split()


@pytest.fixture
def lab(binary):
    holder = subprocess.Popen(
        ["unshare", "-m", "--propagation", "slave", "sh", "-c", "mount -t tmpfs tmpfs /run && echo ready && exec sleep 600"],
        stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "ready\n"
    made = Lab(binary("intelwall"), holder.pid)
    yield made
    down = made.run("lab", "down")
    left = made.left()
    holder.kill()
    holder.wait()
    assert down.returncode == 0, down.stderr
    assert left == []


def pids_of(lab, word):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:
            continue
        if lab.directory.encode() in line and word.encode() in line.split(b"\0")[0] + line:
            found.append(int(path.parent.name))
    return found


@needs_packets
def test_up_carries_packets_and_down_leaves_nothing(lab):
    up = lab.up()
    assert up.returncode == 0, up.stderr
    status = json.loads(lab.run("lab", "status", "--json").stdout)
    assert status["up"] and status["data_plane"]["state"] == "running"

    for url in ("https://goodbank.example/", "http://c2.badcdn.example/"):
        got = lab.run("lab", "exec", "--", "curl", "-sS", "-m", "5", url)
        assert got.returncode == 0 and "lab's internet" in got.stdout, got.stderr
    for transport in ("+notcp", "+tcp"):
        assert lab.run("lab", "exec", "--", "dig", "+short", transport, "any.name.example").stdout == "198.51.100.80\n"
    # A certificate that does not name the host is refused, as anywhere.
    assert lab.run("lab", "exec", "--", "curl", "-sS", "-m", "5", "https://unknown.invalid/").returncode == 60
    assert lab.run("lab", "exec", "--", "sh", "-c", "exit 7").returncode == 7
    missing = lab.run("lab", "exec", "--", "no-such-program")
    assert missing.returncode == 1 and "no-such-program" in missing.stderr

    # The host's own resolver is untouched, and the secret is for its owner only.
    state = subprocess.run([*lab.prefix, "stat", "-c", "%a", lab.directory + "/state.json", lab.directory],
                           capture_output=True, text=True, check=True)
    assert state.stdout.split() == ["600", "700"]
    assert "198.51.100.80" not in pathlib.Path("/etc/resolv.conf").read_text()

    again = lab.up()
    assert again.returncode == 1 and "lab down" in again.stderr
    assert lab.run("lab", "exec", "--", "true").returncode == 0, "the refused `up` broke the lab that is up"


@needs_packets
def test_a_killed_engine_comes_back_and_status_says_so(lab):
    assert lab.up().returncode == 0
    (engine,) = pids_of(lab, "suricata.yaml")
    os.kill(engine, signal.SIGKILL)
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        status = json.loads(lab.run("lab", "status", "--json").stdout)
        if status["data_plane"]["state"] == "running" and "restarted" in status["data_plane"]["detail"]:
            break
        assert status["data_plane"]["state"] in ("down", "running", "degraded")
        time.sleep(0.05)
    else:
        pytest.fail(str(status))
    assert lab.run("lab", "exec", "--", "curl", "-sS", "-m", "5", "https://goodbank.example/").returncode == 0


@needs_packets
@pytest.mark.parametrize("delay", [0.02, 0.1, 0.2, 0.35, 0.5, 0.7])
def test_a_killed_up_can_be_taken_down(lab, delay):
    process = lab.start("lab", "up", *lab.ports())
    time.sleep(delay)
    process.kill()
    process.communicate()
    state = lab.run("lab", "status")
    assert state.returncode in (0, 1)
    down = lab.run("lab", "down")
    assert down.returncode == 0, down.stderr
    assert lab.left() == []


@needs_packets
def test_a_killed_daemon_is_told_and_taken_down(lab):
    assert lab.up().returncode == 0
    for pid in pids_of(lab, "serve"):
        os.kill(pid, signal.SIGKILL)
    status = lab.run("lab", "status")
    assert status.returncode == 1 and "lab down" in status.stdout + status.stderr
    again = lab.up()
    assert again.returncode == 1 and "not taken down" in again.stderr and "lab down" in again.stderr
    assert lab.run("lab", "down").returncode == 0
    assert lab.left() == []
    assert lab.up().returncode == 0, "and up again"


@needs_packets
def test_a_taken_port_undoes_all(lab):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", lab.port))
        taken.listen()
        up = lab.up()
    assert up.returncode == 1 and str(lab.port) in up.stderr, up.stderr
    assert lab.left() == []


def test_without_a_data_plane_no_root_is_needed(binary, tmp_path):
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == os.geteuid() and parent != pathlib.Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    lab = Lab(binary("intelwall"), directory=str(tmp_path))
    if os.geteuid() == 0:
        lab.prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    try:
        up = lab.up("--no-data-plane")
        assert up.returncode == 0, up.stderr
        status = json.loads(lab.run("lab", "status", "--json").stdout)
        assert status["up"] and status["data_plane"]["state"] == "absent" and status["aws_port"] == lab.port
        assert status["falcon_port"] == lab.falcon_port
        env = json.loads(lab.run("lab", "env", "--json").stdout)
        assert env["FALCON_BASE_URL"] == f"http://127.0.0.1:{lab.falcon_port}"
        keys = falconpy.OAuth2(client_id=env["FALCON_CLIENT_ID"], client_secret=env["FALCON_CLIENT_SECRET"],
                               base_url=env["FALCON_BASE_URL"])
        assert keys.token()["status_code"] == 201
        run = lab.run("lab", "exec", "--", "true")
        assert run.returncode == 1 and "--no-data-plane" in run.stderr
    finally:
        down = lab.run("lab", "down")
    assert down.returncode == 0, down.stderr
    assert lab.left() == []
    assert lab.run("lab", "down").returncode == 0, "nothing there is no error"


def test_files_of_others_are_left_alone(binary, tmp_path):
    lab = Lab(binary("intelwall"), directory=str(tmp_path))
    directory = pathlib.Path(lab.directory)
    directory.mkdir()
    (directory / "precious.txt").write_text("mine")
    up = lab.up("--no-data-plane")
    assert up.returncode == 1 and "other files" in up.stderr
    down = lab.run("lab", "down")
    assert down.returncode == 1 and "not a lab's" in down.stderr
    assert [p.name for p in directory.iterdir()] == ["precious.txt"]


@needs_packets
def test_an_ordinary_user_in_a_user_namespace(binary):
    lab = Lab(binary("intelwall"))
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "unshare", "-Urnm", "sh", "-c"]
    if subprocess.run([*user, "mount -t tmpfs tmpfs /run && ip link set lo up"], capture_output=True).returncode != 0:
        pytest.skip("this kernel gives ordinary users no namespaces")
    script = f"""
        mount -t tmpfs tmpfs /run && ip link set lo up || exit 90
        "$0" lab up {" ".join(lab.ports())} || exit 91
        "$0" lab exec -- curl -sS -m 5 https://goodbank.example/ || exit 92
        "$0" lab exec -- dig +short badcdn.example || exit 93
        "$0" lab down || exit 94
        find /run/netns {lab.directory} -mindepth 1 2>/dev/null
        exit 0
    """
    done = subprocess.run([*user, script, lab.binary], env=lab.env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "lab's internet" in done.stdout and "198.51.100.80" in done.stdout
    assert done.stdout.strip().endswith("the lab is down"), done.stdout
