"""The hunt function: the lab's Falcon and Network Firewall, S3 and Secrets Manager of moto and of the lab, and the Runtime API."""

import pytest
from hunt_world import BUCKET, done


def test_the_bucket_is_all_that_is_kept(world):
    names = {f"n{i}.hunted-test.com" for i in range(20)}
    world.put(*names, actors=["SALTYSPIDER"])
    one = world.function()
    first = done(one.invoke({}))
    assert (first["added"], first["kept"], first["run"]) == (20, 20, "full") and first["writes"] == 2
    assert world.watched() == names
    assert {key for key, _ in world.versions()} == {"hunts/apt/manifest.jsonl.gz", "hunts/apt/cursor.json"}

    # Nothing changed: nothing is written, neither to the firewall nor to the bucket; warm and after a cold start.
    before = world.versions()
    again = done(one.invoke({}))
    assert (again["writes"], again["bucket_writes"]) == (0, 0)
    two = world.function("two")
    cold = done(two.invoke({}))
    assert (cold["run"], cold["writes"], cold["kept"]) == ("delta", 0, 20)
    assert world.versions() == before

    # What one of them sees the other knows.
    world.put("n3.hunted-test.com", deleted=True)
    world.put("new.hunted-test.com")
    changed = done(two.invoke({}))
    assert (changed["added"], changed["removed"]) == (1, 1)
    assert world.watched() == names - {"n3.hunted-test.com"} | {"new.hunted-test.com"}
    known = done(one.invoke({}))
    assert (known["added"], known["removed"], known["kept"], known["writes"]) == (0, 0, 20, 0)

    secret = world.falcon.keys["client_secret"]
    assert secret not in "".join(path.read_text() for path in world.place.glob("*.log"))


def test_another_query_takes_out_what_it_does_not_name(world):
    world.put(*(f"n{i}.hunted-test.com" for i in range(20)))
    world.put("other.hunted-too.com")
    done(world.function().invoke({}))
    changed = done(world.function("two", INTELWALL_HUNT_FQL="indicator:*'*.hunted-too.com'").invoke({}))
    assert (changed["added"], changed["removed"]) == (1, 20)
    assert world.watched() == {"other.hunted-too.com"}


def test_an_outage_or_a_damaged_object_changes_nothing(world):
    world.put("n1.hunted-test.com")
    one = world.function()
    done(one.invoke({}))
    world.falcon.lab("faults", fault="api", path="/intel", status=500, times=50)
    kind, body, error_type = one.invoke({})
    assert (kind, error_type) == ("error", "Intelwall.Unavailable"), body
    assert world.watched() == {"n1.hunted-test.com"}
    world.falcon.lab("faults", fault="api", path="/intel", status=500, times=0)
    world.s3.put_object(Bucket=BUCKET, Key="hunts/apt/manifest.jsonl.gz", Body=b"no manifest")
    kind, body, error_type = world.function("two").invoke({})
    assert (kind, error_type) == ("error", "Intelwall.Protocol"), body
    assert "earlier version" in body["errorMessage"] and world.watched() == {"n1.hunted-test.com"}


@pytest.mark.parametrize("variables, place", [
    ({"INTELWALL_HUNT_FQL": ""}, "INTELWALL_HUNT_FQL"), ({"INTELWALL_STATE_BUCKET": ""}, "INTELWALL_STATE_BUCKET"),
    ({"INTELWALL_HUNT_LIMIT": "many"}, "INTELWALL_HUNT_LIMIT"), ({"INTELWALL_HUNT_ACTION": "smash"}, "smash"),
])  # fmt: skip
def test_a_wrong_setting_ends_the_start(world, variables, place):
    api = world.function("wrong", **variables)
    assert api.polled.wait(20)
    assert api.init_error[1]["errorType"].startswith("Intelwall.") and place in api.init_error[1]["errorMessage"]
    process = world.functions.pop()[1]
    assert process.wait(timeout=20) == 1
