"""The lab's S3, SQS, Secrets Manager and CloudWatch Logs, judged by boto3 and botocore's service models; and our own S3 client against it."""

import hashlib
import json
import os
import pathlib
import struct
import subprocess
import sys
import threading
import time
import zlib

import pytest
from botocore.exceptions import ClientError
from cloud_judge import ACCOUNT, REGION, JudgedCloud

CLI = str(pathlib.Path(sys.executable).parent / "aws")
KEYS = ["hunts/a/manifest.jsonl.zst", "with space/ünïcødé+plus", "a//b/../c", "100%25&<x>", "q?#'\"~"]


@pytest.fixture(scope="module")
def s3(cloud):
    return cloud.client("s3")


@pytest.fixture(scope="module")
def sqs(cloud):
    return cloud.client("sqs")


@pytest.fixture
def bucket(s3, request):
    name = f"judge-{zlib.crc32(request.node.name.encode())}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def call(cloud, binary, tmp_path):
    """call(operation, **arguments): what our client makes of the answer."""

    def run(operation, /, **arguments):
        done = subprocess.run([binary("judge_aws")], input=json.dumps({"call": operation, **arguments}) + "\n", text=True,
                              capture_output=True, timeout=60, env=cloud.environment() | {"HOME": str(tmp_path), "PATH": os.environ["PATH"]})  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def refused(name, call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == name, caught.value
    return caught.value.response


# --- S3 -------------------------------------------------------------------------------------------------------------


def test_buckets_come_and_go(s3, bucket):
    assert bucket in [each["Name"] for each in s3.list_buckets()["Buckets"]]
    s3.head_bucket(Bucket=bucket)
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    refused("BucketNotEmpty", s3.delete_bucket, Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    refused("404", s3.head_bucket, Bucket=bucket)
    refused("NoSuchBucket", s3.get_object, Bucket=bucket, Key="k")


@pytest.mark.parametrize("key", KEYS)
def test_objects_go_both_ways(s3, bucket, call, key):
    etag = call("s3_put", bucket=bucket, key=key, body="one")["ok"]
    read = s3.get_object(Bucket=bucket, Key=key)
    assert (read["Body"].read(), read["ETag"]) == (b"one", etag)
    theirs = s3.put_object(Bucket=bucket, Key=key, Body="twö".encode())["ETag"]
    assert call("s3_get", bucket=bucket, key=key) == {"ok": {"body": "twö", "etag": theirs}}
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]


def test_bytes_types_and_metadata_are_kept(s3, bucket):
    body = bytes(range(256)) * 4096
    s3.put_object(Bucket=bucket, Key="k", Body=body, ContentType="text/plain", Metadata={"a": "b"})
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ContentLength"], head["ContentType"], head["Metadata"]) == (len(body), "text/plain", {"a": "b"})
    assert "VersionId" not in head
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body
    refused("404", s3.head_object, Bucket=bucket, Key="none")
    refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="none")
    big = os.urandom(20 << 20)
    s3.put_object(Bucket=bucket, Key="big", Body=big)
    assert s3.get_object(Bucket=bucket, Key="big")["Body"].read() == big


def test_of_two_writers_one_wins(s3, bucket, call):
    put = {"bucket": bucket, "key": "k"}
    first = call("s3_put", **put, body="1", absent=True)["ok"]
    assert call("s3_put", **put, body="2", absent=True)["error"]["code"] == "conflict"
    second = call("s3_put", **put, body="2", matches=first)["ok"]
    assert call("s3_put", **put, body="3", matches=first)["error"]["code"] == "conflict"
    assert call("s3_get", **put) == {"ok": {"body": "2", "etag": second}}
    refused("PreconditionFailed", s3.put_object, Bucket=bucket, Key="k", Body=b"", IfNoneMatch="*")
    s3.put_object(Bucket=bucket, Key="k", Body=b"4", IfMatch=second)


def test_what_is_not_there_is_not_found(bucket, call):
    assert call("s3_get", bucket=bucket, key="none")["error"]["code"] == "not_found"
    assert call("s3_get", bucket="no-such-bucket", key="none")["error"]["code"] == "not_found"


@pytest.mark.parametrize("versioned", [True, False])
def test_a_bucket_is_emptied_so_that_it_can_be_deleted(s3, bucket, call, versioned):
    if versioned:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in KEYS:
        for body in ("1", "2"):
            s3.put_object(Bucket=bucket, Key=key, Body=body)
    if versioned:
        s3.delete_object(Bucket=bucket, Key=KEYS[0])  # leaves a mark
    expected = 2 * len(KEYS) + 1 if versioned else len(KEYS)
    assert call("s3_remove_everything", bucket=bucket) == {"ok": expected}
    s3.delete_bucket(Bucket=bucket)
    assert call("s3_remove_everything", bucket=bucket) == {"ok": 0}


def test_versions(s3, bucket):
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    ids = [s3.put_object(Bucket=bucket, Key="k", Body=str(i))["VersionId"] for i in range(3)]
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=ids[0])["Body"].read() == b"0"
    mark = s3.delete_object(Bucket=bucket, Key="k")
    assert mark["DeleteMarker"]
    refused("NoSuchKey", s3.get_object, Bucket=bucket, Key="k")
    refused("MethodNotAllowed", s3.get_object, Bucket=bucket, Key="k", VersionId=mark["VersionId"])
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": 1})
    seen = [(each["VersionId"], each["IsLatest"], kind)
            for page in pages for kind in ("DeleteMarkers", "Versions") for each in page.get(kind, [])]  # fmt: skip
    assert seen == [(mark["VersionId"], True, "DeleteMarkers"), *((each, False, "Versions") for each in reversed(ids))]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=mark["VersionId"])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"
    gone = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": each} for each in ids]})
    assert [each["VersionId"] for each in gone["Deleted"]] == ids


def test_lists_have_pages_and_folders(s3, bucket):
    keys = sorted(f"{folder}/{i:02}" for folder in ("a", "b", "c d&é") for i in range(7)) + ["top"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    pager = s3.get_paginator("list_objects_v2")
    for size in (1, 4, 1000):
        pages = list(pager.paginate(Bucket=bucket, PaginationConfig={"PageSize": size}))
        assert [each["Key"] for page in pages for each in page["Contents"]] == keys
        folders = list(pager.paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": size}))
        assert [each["Prefix"] for page in folders for each in page.get("CommonPrefixes", [])] == ["a/", "b/", "c d&é/"]
        assert [each["Key"] for page in folders for each in page.get("Contents", [])] == ["top"]
    one = s3.list_objects_v2(Bucket=bucket, Prefix="b/", StartAfter="b/04")
    assert [each["Key"] for each in one["Contents"]] == ["b/05", "b/06"]


def test_a_new_object_is_an_event(s3, sqs, bucket, cloud):
    queue = sqs.create_queue(QueueName=bucket)["QueueUrl"]
    events = cloud.client("events")
    pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": [bucket]}}}
    events.put_rule(Name=bucket, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=bucket, Targets=[{"Id": "q", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{bucket}"}])
    s3.put_object(Bucket=bucket, Key="before", Body=b"x")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    assert s3.get_bucket_notification_configuration(Bucket=bucket)["EventBridgeConfiguration"] == {}
    etag = s3.put_object(Bucket=bucket, Key="a b/é", Body=b"hello")["ETag"]
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    event = json.loads(message["Body"])
    assert (event["source"], event["detail-type"], event["resources"]) == ("aws.s3", "Object Created", [f"arn:aws:s3:::{bucket}"])
    assert event["detail"]["object"] | {"sequencer": ""} == {
        "key": "a b/é", "size": 5, "etag": etag.strip('"'), "sequencer": ""}  # fmt: skip


def test_the_wrong_secret_is_told_as_s3_tells_it(cloud):
    refused("SignatureDoesNotMatch", cloud.client("s3", secret="wrong").list_buckets)
    refused("InvalidAccessKeyId", cloud.client("s3", key="AKIAOTHER").list_buckets)


def test_the_aws_cli_copies_and_lists(cloud, bucket, tmp_path):
    def aws(*arguments, **more):
        done = subprocess.run([sys.executable, CLI, "s3", *arguments], capture_output=True, text=True, timeout=60,
                              env=cloud.environment() | {"HOME": str(tmp_path)}, **more)  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    (tmp_path / "in.gz").write_bytes(b"\x1f\x8b bytes")
    aws("cp", str(tmp_path / "in.gz"), f"s3://{bucket}/logs/in.gz")
    aws("cp", "-", f"s3://{bucket}/greeting", input="hello\n")
    assert aws("cp", f"s3://{bucket}/greeting", "-") == "hello\n"
    assert "PRE logs/" in aws("ls", f"s3://{bucket}/") and "in.gz" in aws("ls", f"s3://{bucket}/logs/")
    aws("cp", f"s3://{bucket}/logs/in.gz", str(tmp_path / "out.gz"))
    assert (tmp_path / "out.gz").read_bytes() == b"\x1f\x8b bytes"
    aws("rm", "--recursive", f"s3://{bucket}/")
    aws("rb", f"s3://{bucket}")


# --- SQS ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def queue(sqs, request):
    return sqs.create_queue(QueueName=f"judge-{zlib.crc32(request.node.name.encode())}", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]


def attributes(sqs, queue):
    return sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]


def test_a_message_from_its_sending_to_its_end(sqs, queue):
    sent = sqs.send_message(QueueUrl=queue, MessageBody="hé", MessageAttributes={
        "text": {"DataType": "String", "StringValue": "v"}, "raw": {"DataType": "Binary", "BinaryValue": b"\0\xff"}})  # fmt: skip
    (message,) = sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"], AttributeNames=["All"])["Messages"]
    assert (message["Body"], message["MessageId"]) == ("hé", sent["MessageId"])
    assert message["MD5OfBody"] == sent["MD5OfMessageBody"] == hashlib.md5("hé".encode()).hexdigest()
    # Lengths and bytes of name, type and value, by name; 1 is a text, 2 bytes.
    parts = [("raw", "Binary", 2, b"\0\xff"), ("text", "String", 1, b"v")]
    counted = lambda data: struct.pack(">I", len(data)) + data  # noqa: E731
    digest = hashlib.md5(b"".join(counted(name.encode()) + counted(kind.encode()) + bytes([mark]) + counted(value)
                                  for name, kind, mark, value in parts)).hexdigest()  # fmt: skip
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"] == digest
    assert message["MessageAttributes"]["raw"]["BinaryValue"] == b"\0\xff"
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert abs(int(message["Attributes"]["SentTimestamp"]) / 1000 - time.time()) < 60
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    assert attributes(sqs, queue)["ApproximateNumberOfMessagesNotVisible"] == "1"
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    (again,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert "MessageAttributes" not in again and "Attributes" not in again
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=again["ReceiptHandle"])
    assert attributes(sqs, queue)["ApproximateNumberOfMessages"] == "0"


def test_batches(sqs, queue):
    sent = sqs.send_message_batch(QueueUrl=queue, Entries=[
        {"Id": str(i), "MessageBody": f"m{i}" if i else "\1"} for i in range(10)])  # fmt: skip
    assert [each["Id"] for each in sent["Successful"]] == [str(i) for i in range(1, 10)]
    assert [(each["Id"], each["Code"]) for each in sent["Failed"]] == [("0", "InvalidMessageContents")]
    got = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert [each["Body"] for each in got] == [f"m{i}" for i in range(1, 10)]
    entries = [{"Id": str(i), "ReceiptHandle": each["ReceiptHandle"]} for i, each in enumerate(got)]
    sqs.change_message_visibility_batch(QueueUrl=queue, Entries=[each | {"VisibilityTimeout": 0} for each in entries[:4]])
    gone = sqs.delete_message_batch(QueueUrl=queue, Entries=entries[4:])
    assert len(gone["Successful"]) == 5
    assert attributes(sqs, queue)["ApproximateNumberOfMessages"] == "4"
    sqs.purge_queue(QueueUrl=queue)
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    refused("AWS.SimpleQueueService.EmptyBatchRequest", sqs.send_message_batch, QueueUrl=queue, Entries=[])


def test_dead_letters(sqs, queue):
    dead = sqs.create_queue(QueueName="judge-dead", Attributes={"MessageRetentionPeriod": "1209600"})["QueueUrl"]
    policy = {"deadLetterTargetArn": attributes(sqs, dead)["QueueArn"], "maxReceiveCount": 2}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": json.dumps(policy)})
    assert json.loads(attributes(sqs, queue)["RedrivePolicy"]) == policy
    sqs.send_message(QueueUrl=queue, MessageBody="poison")
    for _ in range(2):
        assert len(sqs.receive_message(QueueUrl=queue, VisibilityTimeout=0)["Messages"]) == 1
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)
    (moved,) = sqs.receive_message(QueueUrl=dead, MessageSystemAttributeNames=["All"])["Messages"]
    assert moved["Body"] == "poison"
    assert moved["Attributes"]["DeadLetterQueueSourceArn"] == attributes(sqs, queue)["QueueArn"]


def test_waiting_ends_with_the_message(sqs, cloud, queue):
    other = cloud.client("sqs")
    began = time.monotonic()
    assert "Messages" not in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1)
    assert 0.9 < time.monotonic() - began < 5
    other.send_message(QueueUrl=queue, MessageBody="late", DelaySeconds=1)
    began = time.monotonic()
    assert len(sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]) == 1
    assert 0.5 < time.monotonic() - began < 10


def test_queues_are_found_by_name(sqs, cloud, queue):
    name = queue.rsplit("/", 1)[1]
    assert queue == f"{cloud.url}/{ACCOUNT}/{name}"
    assert sqs.get_queue_url(QueueName=name)["QueueUrl"] == queue
    assert queue in sqs.list_queues(QueueNamePrefix="judge-")["QueueUrls"]
    assert len(sqs.list_queues(MaxResults=1)["QueueUrls"]) == 1
    sqs.delete_queue(QueueUrl=queue)
    refused("AWS.SimpleQueueService.NonExistentQueue", sqs.get_queue_url, QueueName=name)
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.send_message(QueueUrl=queue, MessageBody="x")


def test_what_sqs_refuses(sqs, queue):
    refused("ReceiptHandleIsInvalid", sqs.delete_message, QueueUrl=queue, ReceiptHandle="x")
    refused("InvalidAttributeName", sqs.set_queue_attributes, QueueUrl=queue, Attributes={"Nothing": "1"})
    refused("InvalidAttributeName", sqs.get_queue_attributes, QueueUrl=queue, AttributeNames=["Nothing"])
    refused("QueueAlreadyExists", sqs.create_queue, QueueName=queue.rsplit("/", 1)[1], Attributes={"VisibilityTimeout": "1"})
    refused("InvalidParameterValue", sqs.receive_message, QueueUrl=queue, MaxNumberOfMessages=11)
    (message,) = (sqs.send_message(QueueUrl=queue, MessageBody="x"), sqs.receive_message(QueueUrl=queue))[1]["Messages"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    refused("AWS.SimpleQueueService.MessageNotInflight", sqs.change_message_visibility, QueueUrl=queue,
            ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)  # fmt: skip


def test_the_lab_ends_while_somebody_waits(binary):
    cloud = JudgedCloud(binary("judge_cloud"))
    sqs = cloud.client("sqs")
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    waiting = threading.Thread(target=lambda: sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20))
    waiting.start()
    time.sleep(0.5)
    began = time.monotonic()
    cloud.end()
    waiting.join()
    assert time.monotonic() - began < 10


# --- Secrets Manager ------------------------------------------------------------------------------------------------


def test_a_secret_from_its_making_to_its_end(cloud, call):
    secrets = cloud.client("secretsmanager")
    made = secrets.create_secret(Name="falcon/api", SecretString='{"client_id":"x"}', Description="d",
                                 Tags=[{"Key": "owner", "Value": "judge"}])  # fmt: skip
    arn = made["ARN"]
    for name in ("falcon/api", arn, arn[:-7]):
        read = secrets.get_secret_value(SecretId=name)
        assert (read["SecretString"], read["VersionId"], read["VersionStages"]) == ('{"client_id":"x"}', made["VersionId"], ["AWSCURRENT"])
        assert call("secret_value", id=name) == {"ok": '{"client_id":"x"}'}
    put = secrets.put_secret_value(SecretId=arn, SecretString="two")
    assert secrets.get_secret_value(SecretId=arn, VersionStage="AWSPREVIOUS")["VersionId"] == made["VersionId"]
    told = secrets.describe_secret(SecretId=arn)
    assert told["VersionIdsToStages"] == {made["VersionId"]: ["AWSPREVIOUS"], put["VersionId"]: ["AWSCURRENT"]}
    assert (told["Description"], told["Tags"]) == ("d", [{"Key": "owner", "Value": "judge"}])
    secrets.put_secret_value(SecretId=arn, SecretBinary=b"\0\xff")
    assert secrets.get_secret_value(SecretId=arn)["SecretBinary"] == b"\0\xff"
    assert call("secret_value", id=arn)["error"]["code"] == "invalid_input"
    refused("ResourceExistsException", secrets.create_secret, Name="falcon/api", SecretString="x")
    secrets.delete_secret(SecretId=arn, RecoveryWindowInDays=7)
    refused("InvalidRequestException", secrets.get_secret_value, SecretId=arn)
    secrets.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    refused("ResourceNotFoundException", secrets.get_secret_value, SecretId=arn)
    assert call("secret_value", id=arn)["error"]["code"] == "not_found"


# --- CloudWatch Logs ------------------------------------------------------------------------------------------------


def test_a_log_from_its_making_to_its_end(cloud):
    logs = cloud.client("logs")
    group = {"logGroupName": "/judge/alerts"}
    logs.create_log_group(**group)
    logs.put_retention_policy(**group, retentionInDays=30)
    for stream in ("one", "two"):
        logs.create_log_stream(**group, logStreamName=stream)
    now = int(time.time() * 1000)
    lines = [{"event_type": "alert" if i % 2 else "flow", "n": i} for i in range(10)]
    for stream, some in (("one", lines[:5]), ("two", lines[5:])):
        logs.put_log_events(**group, logStreamName=stream, logEvents=[
            {"timestamp": now - 1000 + each["n"], "message": json.dumps(each)} for each in some])  # fmt: skip
    old = logs.put_log_events(**group, logStreamName="one", logEvents=[{"timestamp": now - 20 * 86_400_000, "message": "old"}])
    assert old["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}

    pages = logs.get_paginator("filter_log_events").paginate(
        **group, filterPattern='{ $.event_type = "alert" && $.n > 1 }', PaginationConfig={"PageSize": 2})  # fmt: skip
    events = [each for page in pages for each in page["events"]]
    assert [json.loads(each["message"])["n"] for each in events] == [3, 5, 7, 9]
    assert [each["logStreamName"] for each in events] == ["one", "two", "two", "two"]
    read = logs.get_log_events(**group, logStreamName="two", startFromHead=True, limit=2)
    assert [json.loads(each["message"])["n"] for each in read["events"]] == [5, 6]
    rest = logs.get_log_events(**group, logStreamName="two", startFromHead=True, nextToken=read["nextForwardToken"])
    assert [json.loads(each["message"])["n"] for each in rest["events"]] == [7, 8, 9]
    (described,) = logs.describe_log_groups(logGroupNamePrefix="/judge/")["logGroups"]
    assert described["retentionInDays"] == 30
    newest = logs.describe_log_streams(**group, orderBy="LastEventTime", descending=True)["logStreams"]
    assert [each["logStreamName"] for each in newest] == ["two", "one"]
    assert logs.get_log_events(logGroupIdentifier=described["logGroupArn"], logStreamName="one", limit=1)["events"]
    logs.delete_retention_policy(**group)
    logs.delete_log_group(**group)
    refused("ResourceNotFoundException", logs.describe_log_streams, **group)


def test_subscriptions(cloud):
    logs = cloud.client("logs")
    group = {"logGroupName": "/judge/subscribed"}
    logs.create_log_group(**group)
    call = {**group, "filterName": "f", "filterPattern": '{ $.a = "b" }',
            "destinationArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:sightings"}  # fmt: skip
    logs.put_subscription_filter(**call)
    (filter_,) = logs.describe_subscription_filters(**group)["subscriptionFilters"]
    assert {key: filter_[key] for key in call} == call
    refused("InvalidParameterException", logs.put_subscription_filter, **call | {"filterPattern": "{"})
    logs.delete_subscription_filter(**group, filterName="f")
    assert logs.describe_subscription_filters(**group)["subscriptionFilters"] == []
    refused("ResourceNotFoundException", logs.delete_subscription_filter, **group, filterName="f")
