import pytest
from hunt_world import World


@pytest.fixture(params=["moto", "lab"])
def world(binary, request, tmp_path):
    """The state is kept in an AWS that we did not write, and in the lab's."""
    world = World(binary, request.getfixturevalue("moto") if request.param == "moto" else None, tmp_path)
    yield world
    world.end()
