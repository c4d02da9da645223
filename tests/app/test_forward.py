"""`intelwall forward` against the lab's Falcon and AWS endpoints: what arrives, what is told, and what a kill costs."""

import json
import os
import random
import signal
import time

import pytest
from forward_judge import PREFIX, PRODUCT, SUBSCRIPTION, Forward, event, findings_of

KILLS = int(os.environ.get("INTELWALL_KILLS", "40"))


@pytest.fixture()
def hub(cloud):
    return cloud.client("securityhub")


@pytest.fixture()
def forward(binary, falcon, cloud, tmp_path):
    return Forward(binary("intelwall"), falcon.url, cloud.url, tmp_path)


def ids(numbers):
    return {f"{PREFIX}c1d0:ind:aid:{n}" for n in numbers}


def test_every_detection_becomes_a_finding_once(falcon, forward, hub):
    falcon.lab("events", events=[event(n) for n in range(250)])
    falcon.lab("events", events=[{"eventType": "AuthActivityAuditEvent", "event": {"UserId": "u"}}])
    report, _ = forward.once()
    assert report["accepted"] == 250 and report["records"] == 251 and report["detections"] == 250
    assert set(findings_of(hub)) == ids(range(250))
    report, _ = forward.once()
    assert report["records"] == 0, "the positions were saved"
    falcon.lab("events", events=[event(250)])
    report, _ = forward.once()
    assert report["records"] == 1 and report["accepted"] == 1
    finding = findings_of(hub)[PREFIX + "c1d0:ind:aid:250"]
    assert finding["Network"]["DestinationDomain"] == "evil250.example.com"


def test_updates_change_their_finding_and_old_ones_do_not(falcon, forward, hub):
    now = int(time.time() * 1000)

    def at(moment, **more):
        return {**event(1, **more), "metadata": {"eventCreationTime": moment}}

    falcon.lab("events", events=[at(now)], partition=0)
    assert forward.once()[0]["accepted"] == 1
    falcon.lab("events", events=[at(now, SeverityName="Critical")], partition=0)  # the same millisecond, the next offset
    assert forward.once()[0]["accepted"] == 1
    falcon.lab("events", events=[at(now - 5000, SeverityName="Low")], partition=1)
    assert forward.once()[0]["already_there"] == 1
    (finding,) = findings_of(hub).values()
    assert finding["Severity"]["Label"] == "CRITICAL"
    falcon.lab("events", events=[at(now + 1, SeverityName="Medium"), at(now + 2, SeverityName="High")], partition=0)
    assert forward.once()[0]["merged"] == 1
    (finding,) = findings_of(hub).values()
    assert finding["Severity"]["Label"] == "HIGH"


def test_the_gateways_filters(falcon, forward, hub):
    old = int((time.time() - 22 * 86400) * 1000)
    falcon.lab("hosts", hosts=[{"device_id": "a1", "service_provider": "AZURE"},
                               {"device_id": "a2", "service_provider": "AWS_EC2_V2", "instance_id": "i-2"}])  # fmt: skip
    falcon.lab("events", events=[event(0, SeverityName="Informational"), event(1), event(2), event(3),
                                 {**event(4), "metadata": {"eventCreationTime": old}}])  # fmt: skip
    report, _ = forward.once("--exclude-clouds", "azure,unrecognized")
    assert report["left_out"] == {"severity": 1, "age": 1, "cloud": 2}
    (finding,) = findings_of(hub).values()
    assert finding["Resources"][0] == {**finding["Resources"][0], "Type": "AwsEc2Instance", "Id": "i-2"}
    falcon.lab("events", events=[{**event(5, SeverityName="Informational"), "metadata": {"eventCreationTime": old}}])
    assert forward.once("--severity", "informational", "--older-than", "never")[0]["accepted"] == 1


def test_without_hosts_findings_go_on_unless_the_filter_needs_them(falcon, forward, hub):
    falcon.lab("events", events=[event(1)])
    falcon.lab("faults", fault="api", path="/devices/", status=403, times=2)
    _, told = forward.once("--exclude-clouds", "AWS", code=1)
    assert "Hosts: Read" in told
    report, told = forward.once()
    assert report["accepted"] == 1 and "without the details of their hosts" in told and "Hosts: Read" in told


def test_alerts_are_another_source(falcon, forward, hub):
    falcon.lab("events", events=[event(n) for n in range(30)])
    report, _ = forward.once("--source", "alerts")
    assert report["accepted"] == 30
    assert forward.once("--source", "alerts")[0]["accepted"] == 0
    assert set(findings_of(hub)) == ids(range(30))
    later = time.strftime("%Y-%m-%dT%H:%M:%S.5Z", time.gmtime(time.time() + 2))
    falcon.lab("alerts", alerts=[{"composite_id": "c1d0:ind:aid:3", "product": "epp", "severity": 99,
                                  "updated_timestamp": later}])  # fmt: skip
    assert forward.once("--source", "alerts")[0]["accepted"] == 1
    assert findings_of(hub)[PREFIX + "c1d0:ind:aid:3"]["Severity"]["Label"] == "CRITICAL"


def test_broken_streams_lose_nothing_and_are_told_with_their_place(falcon, forward, hub):
    for fault in ({"fault": "garbage", "times": 3}, {"fault": "cut", "times": 2}, {"fault": "slow", "times": 2},
                  {"fault": "open", "status": 503}, {"fault": "api", "path": "/sensors", "status": 429, "seconds": 1}):  # fmt: skip
        falcon.lab("faults", **fault)
    falcon.lab("events", events=[event(n) for n in range(400)])
    report, told = forward.once()
    assert set(findings_of(hub)) == ids(range(400))
    assert report["accepted"] == 400 and report["stream"]["damages"] >= 5
    assert "bytes are no event" in told and "byte " in told and "feed " in told
    # The session ends while it reads: it discovers again and goes on.
    process = forward.start()
    try:
        falcon.lab("events", events=[event(n) for n in range(400, 410)])
        time.sleep(1)
        falcon.lab("faults", fault="end_session")
        falcon.lab("events", events=[event(n) for n in range(410, 420)])
        deadline = time.time() + 60
        while set(findings_of(hub)) != ids(range(420)) and time.time() < deadline:
            time.sleep(0.2)
    finally:
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 0 and json.loads(out)["stream"]["discoveries"] >= 2
    assert set(findings_of(hub)) == ids(range(420))


def test_detections_that_are_none_are_counted_and_told(falcon, forward, hub):
    hostile = [{"eventType": "EppDetectionSummaryEvent", "event": body} for body in (
        {}, {"CompositeId": 7.5e300}, {"CompositeId": ""}, {"CompositeId": "x" * 600}, {"CompositeId": ["a"]},
        {"CompositeId": "a\nb"})]  # fmt: skip
    odd = [event(n, DnsRequests={"a": [1]}, NetworkAccesses="x", MitreAttack=[[]], IOCValue=value, Severity="no")
           for n, value in enumerate(("\x00", "é" * 5000, {"a": 1}, "evil.com\"; sid:1; ("))]  # fmt: skip
    falcon.lab("events", events=hostile + odd)
    report, told = forward.once(code=3)
    assert report["unreadable"] == 5 and "offset" in told
    assert ids(range(4)) <= set(findings_of(hub))


def test_what_security_hub_does_not_take_is_told_apart(falcon, forward, cloud, hub):
    falcon.lab("events", events=[event(n) for n in range(5)])
    lab = {"ThrottlingException": 2, "InternalException": 1, "drop": 1, "drop_before": 1}
    for error, times in lab.items():
        fault(cloud, "BatchImportFindings", error, times)
        falcon.lab("events", events=[event(100 + times)])
        forward.once()
    assert set(findings_of(hub)) >= ids(range(5))
    # A whole call is refused: each finding is tried by itself, and the rest goes on.
    fault(cloud, "BatchImportFindings", "InvalidInputException", 4)
    falcon.lab("events", events=[event(n) for n in range(200, 208)])
    report, told = forward.once(code=3)
    assert 1 <= report["rejected"] <= 2 and report["accepted"] == 8 - report["rejected"]
    assert "will not take this finding" in told


def fault(cloud, operation, error, times):
    from test_cloud_services import lab

    assert lab(cloud, "POST", "/lab/faults", {"operation": operation, "error": error, "times": times})[0] == 200


def test_faults_are_one_sentence_and_what_to_do(falcon, forward, hub, binary, cloud, tmp_path):
    falcon.lab("events", events=[event(1)])
    hub.disable_import_findings_for_product(ProductSubscriptionArn=SUBSCRIPTION)
    _, told = forward.once(code=1)
    assert "enable-import-findings-for-product" in told
    hub.enable_import_findings_for_product(ProductArn=PRODUCT)
    _, told = forward.once(code=1, FALCON_CLIENT_SECRET="wrong")
    assert "FALCON_CLIENT_SECRET" in told and "wrong" not in told.replace("wrong or", "")
    falcon.lab("faults", fault="api", path="/sensors/entities/datafeed/v2", status=403)
    _, told = forward.once(code=1)
    assert "Event streams: Read" in told
    _, told = forward.once(code=1, FALCON_BASE_URL="http://127.0.0.1:1")
    assert "connect" in told
    _, told = forward.once("--exclude-clouds", "Oracle", code=2)
    assert "AWS, Azure, GCP" in told
    for options in (["--severity", "loud"], ["--from", "yesterday"], ["--app-id", "../x"], ["--older-than", "-1"]):
        _, told = forward.once(*options, code=2)
        assert options[0] in told, told
    (tmp_path / "forward-streams-intelwall.json").write_text("{")
    _, told = forward.once(code=1)
    assert "restore the file" in told
    assert findings_of(hub) == {}


def test_one_at_a_time(falcon, forward, hub):
    process = forward.start()
    try:
        falcon.lab("events", events=[event(1)])
        deadline = time.time() + 30
        while not findings_of(hub) and time.time() < deadline:
            time.sleep(0.1)
        _, told = forward.once(code=1)
        assert "another `intelwall forward`" in told
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_a_kill_at_any_point_loses_nothing_and_doubles_nothing(falcon, forward, hub):
    chance = random.Random(7)
    sent, killed = 0, 0
    while killed < KILLS:
        wave = chance.randrange(1, 120)
        falcon.lab("events", events=[event(n) for n in range(sent, sent + wave)])
        sent += wave
        if chance.random() < 0.3:
            falcon.lab("faults", fault=chance.choice(["cut", "garbage", "slow", "end_session"]))
        process = forward.start("--rate", "1000")
        time.sleep(chance.uniform(0.005, 0.35))
        process.kill()
        process.communicate(timeout=30)
        assert process.returncode == -signal.SIGKILL
        killed += 1
    report, _ = forward.once("--rate", "1000")
    found = findings_of(hub)
    assert len(found) == sent and set(found) == ids(range(sent))
    # The kills fell into the work, and not only before or after it.
    if KILLS >= 20:
        assert report["records"] < sent
    print(f"{killed} kills, {sent} detections, {len(found)} findings, {report['records']} left for the last run")
