import pytest
from cloud_judge import JudgedCloud


@pytest.fixture(scope="module")
def cloud(binary):
    """The lab's AWS endpoint, for a file of judges: at least one of its answers must have been judged."""
    cloud = JudgedCloud(binary("judge_cloud"))
    yield cloud
    cloud.end()
    assert cloud.judged > 0
