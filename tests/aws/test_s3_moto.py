"""Our S3 client against moto and boto3: what one writes the other reads, conditions hold, and a bucket is emptied whole."""

import pytest
from test_security_hub_moto import boto, call  # noqa: F401 (fixtures)

BUCKET = "intelwall-state"


@pytest.fixture()
def s3(boto):  # noqa: F811
    client = boto("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


KEYS = ["hunts/a/manifest.jsonl.zst", "with space/ünïcødé+plus", "a//b/../c", "100%25&<x>", "q?#'\"~"]


@pytest.mark.parametrize("key", KEYS)
def test_objects_go_both_ways(call, s3, key):  # noqa: F811
    etag = call("s3_put", bucket=BUCKET, key=key, body="one")["ok"]
    read = s3.get_object(Bucket=BUCKET, Key=key)
    assert (read["Body"].read(), read["ETag"]) == (b"one", etag)
    theirs = s3.put_object(Bucket=BUCKET, Key=key, Body="twö".encode())["ETag"]
    assert call("s3_get", bucket=BUCKET, key=key) == {"ok": {"body": "twö", "etag": theirs}}


def test_what_is_not_there_is_not_found(call, s3):  # noqa: F811
    assert call("s3_get", bucket=BUCKET, key="none")["error"]["code"] == "not_found"
    assert call("s3_get", bucket="no-such-bucket", key="none")["error"]["code"] == "not_found"


def test_of_two_writers_one_wins(call, s3):  # noqa: F811
    put = {"bucket": BUCKET, "key": "k"}
    first = call("s3_put", **put, body="1", absent=True)["ok"]
    assert call("s3_put", **put, body="2", absent=True)["error"]["code"] == "conflict"
    second = call("s3_put", **put, body="2", matches=first)["ok"]
    assert call("s3_put", **put, body="3", matches=first)["error"]["code"] == "conflict"
    assert call("s3_get", **put) == {"ok": {"body": "2", "etag": second}}


@pytest.mark.parametrize("versioned", [True, False])
def test_a_bucket_is_emptied_so_that_it_can_be_deleted(call, s3, versioned):  # noqa: F811
    if versioned:
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    for key in KEYS:
        for body in ("1", "2"):
            s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    if versioned:
        s3.delete_object(Bucket=BUCKET, Key=KEYS[0])  # leaves a mark
    expected = 2 * len(KEYS) + 1 if versioned else len(KEYS)
    assert call("s3_remove_everything", bucket=BUCKET) == {"ok": expected}
    s3.delete_bucket(Bucket=BUCKET)
    assert call("s3_remove_everything", bucket=BUCKET) == {"ok": 0}
