"""The lab's Falcon endpoint, judged by CrowdStrike's own falconpy; the streams opened with requests, as falconpy's tests
do."""

import contextlib
import datetime
import json
import threading
import time

import pytest
import requests
from falconpy import Alerts, APIHarnessV2, EventStreams, OAuth2
from judged_falcon import CLIENT_ID, JudgedFalcon

SECRET = "judge/secret+key&="


class Falcon(JudgedFalcon):
    def __init__(self, program, *arguments):
        super().__init__(program, *arguments, secret=SECRET)

    def streams(self, app_id):
        answer = EventStreams(**self.keys).list_available_streams(app_id=app_id, format="json")
        assert answer["status_code"] == 200, answer
        return answer["body"]["resources"]

    @contextlib.contextmanager
    def open(self, stream, extra="", **arguments):
        token = stream["sessionToken"]["token"]
        with requests.get(
            stream["dataFeedURL"] + extra, headers={"Authorization": f"Token {token}", "Accept": "application/json"},
            stream=True, timeout=arguments.pop("timeout", 10), **arguments) as answer:  # fmt: skip
            yield answer

    def read(self, stream, count, extra=""):
        """That many events; keep-alives are blank lines."""
        events = []
        with self.open(stream, extra) as answer:
            assert answer.status_code == 200, answer.text
            for line in answer.iter_lines():
                if line:
                    events.append(json.loads(line))
                if len(events) == count:
                    break
        return events


def detection(number, kind="EppDetectionSummaryEvent", **more):
    return {"eventType": kind, "event": {
        "CompositeId": f"c1d0:ind:aid:{number}", "Name": "IntelDomainHigh", "Severity": 70, "SeverityName": "High",
        "IOCType": "domain", "IOCValue": f"evil{number}.example.com", **more}}  # fmt: skip


@pytest.fixture
def falcon(binary):
    falcon = Falcon(binary("judge_falcon"))
    yield falcon
    falcon.end()


def test_tokens(falcon):
    good = OAuth2(**falcon.keys)
    answer = good.token()
    assert answer["status_code"] == 201
    assert set(answer["body"]) == {"access_token", "expires_in", "token_type"}
    assert answer["body"]["expires_in"] == 1799 and answer["body"]["token_type"] == "bearer"
    assert "X-Cs-Region" not in answer["headers"]
    wrong = OAuth2(client_id=CLIENT_ID, client_secret="wrong", base_url=falcon.base_url).token()
    assert wrong["status_code"] == 403
    assert "Client authentication failed" in wrong["body"]["errors"][0]["message"]
    token = answer["body"]["access_token"]
    assert good.revoke(token=token)["status_code"] == 200
    refused = requests.get(
        falcon.base_url + "/alerts/queries/alerts/v2", headers={"Authorization": f"Bearer {token}"}, timeout=10)  # fmt: skip
    assert refused.status_code == 401
    basic = requests.post(
        falcon.base_url + "/oauth2/token", auth=(CLIENT_ID, SECRET), data={"grant_type": "client_credentials"}, timeout=10)  # fmt: skip
    assert basic.status_code == 201, "as Go's library asks"


def test_discovery_has_all_that_clients_read(falcon):
    streams = falcon.streams("pytest-event_streams-unit-test")
    assert len(streams) == 2
    for number, stream in enumerate(streams):
        assert f"/sensors/entities/datafeed/v1/{number}?" in stream["dataFeedURL"]
        assert "action_name=refresh_active_stream_session" in stream["refreshActiveSessionURL"]
        assert stream["refreshActiveSessionInterval"] == 1800
        ends = datetime.datetime.fromisoformat(stream["sessionToken"]["expiration"].replace("Z", "+00:00"))
        assert ends > datetime.datetime.now(datetime.timezone.utc)
    bad = EventStreams(**falcon.keys).list_available_streams(app_id="not an app id!")
    assert bad["status_code"] == 400


def test_events_arrive_by_partition_from_the_offset(falcon):
    falcon.lab("events", events=[detection(n) for n in range(10)])
    first, second = falcon.streams("judge")
    ours, theirs = falcon.read(first, 5), falcon.read(second, 5)
    for events in (ours, theirs):
        assert [event["metadata"]["offset"] for event in events] == [0, 1, 2, 3, 4]
        for event in events:
            metadata = event["metadata"]
            assert metadata["eventType"] == "EppDetectionSummaryEvent" and metadata["version"] == "1.0"
            assert isinstance(metadata["eventCreationTime"], int) and metadata["customerIDString"]
    values = {event["event"]["IOCValue"] for event in ours + theirs}
    assert values == {f"evil{n}.example.com" for n in range(10)}
    assert [event["metadata"]["offset"] for event in falcon.read(first, 2, "&offset=3")] == [3, 4], "inclusive"


def test_only_new_events_and_only_some_types(falcon):
    falcon.lab("events", events=[detection(1)], partition=0)
    stream = falcon.streams("judge")[0]
    sender = threading.Timer(0.5, lambda: falcon.lab("events", partition=0, events=[
        {"eventType": "AuthActivityAuditEvent", "event": {}}, detection(2)]))  # fmt: skip
    sender.start()
    events = falcon.read(stream, 1, "&whence=2&eventType=DetectionSummaryEvent,EPPDetectionSummaryEvent")
    sender.join()
    assert [event["event"]["IOCValue"] for event in events] == ["evil2.example.com"]


def test_one_consumer_of_an_app_id(falcon):
    stream = falcon.streams("judge")[0]
    with falcon.open(stream) as answer:
        assert answer.status_code == 200
        assert falcon.streams("judge") == [], "this appId is in use"
        assert len(falcon.streams("another")) == 2
    for _ in range(100):
        if falcon.streams("judge"):
            break
        time.sleep(0.1)
    else:
        pytest.fail("the appId stays in use after its consumer left")


def test_session_tokens_are_checked(falcon):
    stream = falcon.streams("judge")[0]
    for header in ("Token wrong", f"Bearer {falcon.token}", ""):
        answer = requests.get(stream["dataFeedURL"], headers={"Authorization": header}, timeout=10)
        assert answer.status_code == 401
    with falcon.open({**stream, "dataFeedURL": stream["dataFeedURL"].replace("/v1/0", "/v1/7")}) as answer:
        assert answer.status_code == 404
    with falcon.open(stream, "&offset=x") as answer:
        assert answer.status_code == 400


def test_refresh(falcon):
    streams = EventStreams(**falcon.keys)
    assert streams.refresh_active_stream(app_id="judge", partition=0)["status_code"] == 404, "nothing was discovered"
    falcon.streams("judge")
    for partition in (0, 1):
        assert streams.refresh_active_stream(app_id="judge", partition=partition)["status_code"] == 200
    assert streams.refresh_active_stream(app_id="judge", partition=2)["status_code"] == 404
    wrong = streams.refresh_active_stream(app_id="judge", partition=0, action_name="something_else")
    assert wrong["status_code"] == 400
    untyped = requests.post(
        f"{falcon.base_url}/sensors/entities/datafeed-actions/v1/0?appId=judge&action_name=refresh_active_stream_session",
        headers={"Authorization": f"Bearer {falcon.token}"}, data=b"", timeout=10)  # fmt: skip
    assert untyped.status_code == 415, "a content type is required, as Falcon does"


def test_a_session_without_refresh_ends_its_stream(binary):
    falcon = Falcon(binary("judge_falcon"), 1, 2)
    stream = falcon.streams("judge")[0]
    with falcon.open(stream) as answer:
        assert [line for line in answer.iter_lines() if line] == [], "the stream ends by itself"
    with falcon.open(stream) as answer:
        assert answer.status_code == 401
    kept = falcon.streams("judge")[0]
    with falcon.open(kept) as answer:
        lines = answer.iter_lines()
        until = time.monotonic() + 4
        while time.monotonic() < until:
            next(lines)
            assert EventStreams(**falcon.keys).refresh_active_stream(app_id="judge", partition=0)["status_code"] == 200
    falcon.end()


def test_faults_on_purpose(falcon):
    falcon.lab("events", events=[detection(n) for n in range(4)], partition=0)
    stream = falcon.streams("judge")[0]
    falcon.lab("faults", fault="cut")
    with pytest.raises(requests.exceptions.ChunkedEncodingError), falcon.open(stream) as answer:
        for line in answer.iter_lines():
            if line:
                json.loads(line)
    falcon.lab("faults", fault="garbage")
    good = bad = 0
    with falcon.open(stream) as answer:
        for line in answer.iter_lines():
            if not line:
                continue
            try:
                json.loads(line)
                good += 1
            except ValueError:
                bad += 1
            if good == 4:
                break
    assert bad >= 3
    falcon.lab("faults", fault="slow")
    assert len(falcon.read(stream, 4)) == 4
    falcon.lab("faults", fault="silent", milliseconds=60_000)
    with pytest.raises(requests.exceptions.ConnectionError), falcon.open(stream, timeout=1) as answer:
        list(answer.iter_lines())
    falcon.lab("faults", fault="open", status=503)
    with falcon.open(stream) as answer:
        assert answer.status_code == 503
    falcon.lab("faults", fault="end_session")
    with falcon.open(stream) as answer:
        assert answer.status_code == 401
    falcon.lab("faults", fault="in_use")
    assert falcon.streams("judge") == [] and len(falcon.streams("judge")) == 2
    falcon.lab("faults", fault="api", path="/alerts", status=429, seconds=7)
    limited = Alerts(**falcon.keys).query_alerts_v2()
    assert limited["status_code"] == 429
    assert abs(int(limited["headers"]["X-Ratelimit-Retryafter"]) - time.time() - 7) < 5


def test_alerts(falcon):
    falcon.lab("events", events=[detection(n) for n in range(30)] + [{"eventType": "UserActivityAuditEvent", "event": {}}])
    falcon.lab("alerts", alerts=[{"composite_id": "own", "severity": 10, "updated_timestamp": "2020-01-01T00:00:00.5Z"}])
    alerts = Alerts(**falcon.keys)
    found = alerts.query_alerts_v2(filter="ioc_type:'domain'+severity:>=60", sort="composite_id|asc", limit=10, offset=25)
    assert found["status_code"] == 200
    assert found["body"]["meta"]["pagination"] == {"offset": 25, "limit": 10, "total": 30}
    assert len(found["body"]["resources"]) == 5
    assert alerts.query_alerts_v2(filter="updated_timestamp:<'2021-01-01T00:00:00Z'")["body"]["resources"] == ["own"]
    assert alerts.query_alerts_v2(q="evil7.example.com")["body"]["resources"] == ["c1d0:ind:aid:7"]
    assert alerts.query_alerts_v2(filter="((")["status_code"] == 400
    assert alerts.query_alerts_v2(sort="severity|sideways")["status_code"] == 400
    assert alerts.query_alerts_v2(limit=10_001)["status_code"] == 400

    got = alerts.get_alerts_v2(composite_ids=["own", "c1d0:ind:aid:7", "nobody"])
    assert got["status_code"] == 200
    assert [alert["composite_id"] for alert in got["body"]["resources"]] == ["own", "c1d0:ind:aid:7"]
    assert got["body"]["errors"][0]["code"] == 404
    alert = got["body"]["resources"][1]
    assert alert["ioc_value"] == "evil7.example.com" and alert["ioc_context"][0]["ioc_type"] == "domain"

    seen, after, calls = [], None, 0
    while True:
        page = alerts.get_alerts_combined(limit=7, sort="composite_id.asc", **({"after": after} if after else {}))
        assert page["status_code"] == 200
        seen += [alert["composite_id"] for alert in page["body"]["resources"]]
        calls += 1
        after = page["body"]["meta"]["pagination"].get("after")
        if not after:
            break
    assert calls == 5 and len(seen) == 31 and seen == sorted(set(seen))
    assert alerts.get_alerts_combined(after="made-up")["status_code"] == 400


def test_the_uber_class_finds_its_paths(falcon):
    harness = APIHarnessV2(**falcon.keys)
    assert harness.command("GetQueriesAlertsV2", parameters={"limit": 1})["status_code"] == 200
    assert harness.command("listAvailableStreamsOAuth2", parameters={"appId": "judge"})["status_code"] == 200
    assert harness.command("PostEntitiesAlertsV2", body={"composite_ids": ["x"]})["status_code"] == 200
    assert harness.command("QueryIntelIndicatorIds")["status_code"] == 200
    assert harness.command("QueryIntelActorIds")["status_code"] == 404, "not what this endpoint models"


def test_what_is_odd_is_refused_in_json(falcon):
    headers = {"Authorization": f"Bearer {falcon.token}"}
    for method, path, body in (
        ("GET", "/", None), ("GET", "/nothing/here", None), ("DELETE", "/alerts/entities/alerts/v2", None),
        ("POST", "/alerts/entities/alerts/v2", b"["), ("POST", "/alerts/entities/alerts/v2", b"{}"),
        ("POST", "/alerts/combined/alerts/v1", b'{"limit": 0}'), ("POST", "/lab/falcon/events", b'{"events": [7]}'),
        ("POST", "/lab/falcon/events", b'{"events": [{"event": {}}], "partition": 9}'),
        ("POST", "/lab/falcon/faults", b'{"fault": "of my own"}'), ("POST", "/lab/falcon/alerts", b'{"alerts": [{}]}'),
        ("GET", "/alerts/queries/alerts/v2?limit=-1", None), ("GET", "/alerts/queries/alerts/v2?" + "x" * 5000, None),
    ):  # fmt: skip
        answer = requests.request(method, falcon.base_url + path, data=body, headers=headers, timeout=10)
        assert 400 <= answer.status_code < 500, (method, path, answer.text)
        assert answer.json()["errors"][0]["message"], (method, path)
        bare = requests.request(method, falcon.base_url + path, data=body, timeout=10)
        assert 400 <= bare.status_code < 500
