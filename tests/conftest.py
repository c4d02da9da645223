"""Where Python judges find what was built: the build tree that the variable INTELWALL_BUILD names."""

import os
import pathlib

import pytest


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
