"""What Python judges share: where they find what was built (the build tree that the variable INTELWALL_BUILD names), and
clouds to call."""

import os
import pathlib

import pytest
import requests
from cloud_judge import JudgedCloud
from forward_judge import Falcon
from moto.server import ThreadedMotoServer


@pytest.fixture(scope="session")
def build_dir() -> pathlib.Path:
    """The build tree. Without it nothing can be judged, which is a failure and no reason to skip."""
    named = os.environ.get("INTELWALL_BUILD")
    if not named:
        pytest.fail("INTELWALL_BUILD is not set: name the build tree to judge, for example INTELWALL_BUILD=build/dev")
    path = pathlib.Path(named).resolve()
    if not path.is_dir():
        pytest.fail(f"INTELWALL_BUILD={named}: there is no such directory; build first")
    return path


@pytest.fixture(scope="session")
def binary(build_dir):
    """binary("name"): the path of a built program, as text."""

    def find(name: str) -> str:
        path = build_dir / "bin" / name
        if not os.access(path, os.X_OK):
            pytest.fail(f"{path} is not there: build the target {name} first")
        return str(path)

    return find


@pytest.fixture
def cloud(binary):
    """The lab's AWS endpoint, without packets."""
    cloud = JudgedCloud(binary("judge_cloud"))
    yield cloud
    cloud.end()


@pytest.fixture
def falcon(binary):
    """The lab's Falcon endpoint, for detections."""
    falcon = Falcon(binary("judge_falcon"))
    yield falcon
    falcon.end()


@pytest.fixture
def moto():
    """The URL of another one's AWS."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    requests.post(f"http://{host}:{port}/moto-api/reset", timeout=10).raise_for_status()  # its state is the process's
    yield f"http://{host}:{port}"
    server.stop()
