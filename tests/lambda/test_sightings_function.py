"""The sightings function: log records as AWS delivers them, made here, against what moto's Security Hub holds afterwards and a
count of our own."""

import base64
import collections
import gzip
import json
import random
import time

import pytest
from cloud_judge import ACCOUNT, REGION
from hunt_world import client_of, done

WATCHED = [f"bad{n}.hunted-test.com" for n in range(12)]
OTHERS = ["www.example.org", "xbad1.hunted-test.com", "bad1.hunted-test.com.example.net", "hunted-test.com"]
ZONE = f"{REGION}a"


def record(chance, moment):
    """An alert as Network Firewall logs it, the workload, and the watched domain that it is about, or None."""
    watched = chance.random() < 0.7
    domain = chance.choice(WATCHED if watched else OTHERS)
    name = domain if not watched or chance.random() < 0.5 else "".join(chance.choices("abcxyz", k=6)) + "." + domain
    workload = f"10.94.0.{chance.randrange(20, 24)}"
    protocol = chance.choice(["tls", "http", "dns"])
    names = {
        "tls": {"tls": {"sni": name.upper() if chance.random() < 0.2 else name, "version": "TLS 1.3"}},
        "http": {"http": {"hostname": name + (":8080" if chance.random() < 0.2 else ""), "url": "/x", "http_method": "GET"}},
        "dns": {"dns": {"query": [{"type": "query", "id": 1, "rrname": name, "rrtype": "A", "tx_id": 0}]}},
    }[protocol]
    event = {
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + ".123456+0000", "flow_id": chance.getrandbits(50),
        "event_type": "alert", "src_ip": workload, "src_port": chance.randrange(1024, 65536), "dest_ip": "198.51.100.80",
        "dest_port": 443, "proto": "UDP" if protocol == "dns" else "TCP", "app_proto": protocol,
        "alert": {"action": "allowed", "signature_id": 2, "rev": 1, "signature": "intelwall", "category": "", "severity": 3},
        "verdict": {"action": "alert"}, **names,
    }  # fmt: skip
    line = {"firewall_name": "lab", "availability_zone": ZONE, "event_timestamp": str(int(moment)), "event": event}
    return json.dumps(line), workload, domain if watched else None


def subscription(lines):
    """What CloudWatch Logs gives a function (docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html)."""
    batch = {
        "messageType": "DATA_MESSAGE", "owner": ACCOUNT, "logGroup": "/fw/alert", "logStream": f"/aws/network-firewall/alert/lab_{ZONE}",
        "subscriptionFilters": ["intelwall"],
        "logEvents": [{"id": f"{n:056}", "timestamp": 1700000000000 + n, "message": line} for n, line in enumerate(lines)],
    }  # fmt: skip
    return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(batch).encode())).decode()}}


class Log:
    """Records that were delivered, and what they amount to."""

    def __init__(self, seed):
        self.chance, self.moment = random.Random(seed), int(time.time()) - 7200
        self.count, self.first, self.last = collections.Counter(), {}, {}

    def lines(self, number):
        lines = []
        for _ in range(number):
            self.moment += self.chance.randrange(0, 3)
            line, workload, domain = record(self.chance, self.moment)
            lines.append(line)
            if domain:
                key = f"intelwall/sighting/{workload}/{domain}"
                self.count[key] += 1
                self.first.setdefault(key, self.moment)
                self.last[key] = self.moment
        return lines


@pytest.fixture
def watching(world, moto):
    world.put(*WATCHED, actors=["SALTYSPIDER"], malware_families=["Salty"])
    assert done(world.function().invoke({}))["added"] == len(WATCHED)
    world.s3.create_bucket(Bucket="firewall-logs")
    world.environment |= {"_HANDLER": "sightings", "AWS_ENDPOINT_URL_SECURITYHUB": moto, "AWS_ENDPOINT_URL_EC2": moto}
    return world


def told(moto):
    pages = client_of(moto, "securityhub").get_paginator("get_findings").paginate()
    return {finding["Id"]: finding for page in pages for finding in page["Findings"]}


def stamp(moment):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def test_every_contact_is_counted_once(watching, moto):
    log = Log(7)
    function = watching.function("sightings")
    for round in range(12):
        lines = log.lines(log.chance.randrange(1, 60))
        if round == 6:  # a cold start: the findings are all that it has
            function = watching.function("later")
        if round % 3 == 2:
            key = f"AWSLogs/{ACCOUNT}/network-firewall/alert/{REGION}/lab/2026/11/28/{round}.log.gz"
            watching.s3.put_object(Bucket="firewall-logs", Key=key, Body=gzip.compress(("\n".join(lines) + "\n").encode()))
            event = {"source": "aws.s3", "detail-type": "Object Created", "detail": {
                "bucket": {"name": "firewall-logs"}, "object": {"key": key, "size": 1, "etag": "x"}}}  # fmt: skip
        else:
            event = subscription(lines)
        for _ in range(1 + round % 2):  # services deliver at least once
            kind, answer, _ = function.invoke(event)
            assert kind == "response", answer
        assert answer["lines"] == len(lines)
    findings = told(moto)
    assert {key: int(each["ProductFields"]["intelwall/count"]) for key, each in findings.items()} == dict(log.count)
    assert {key: each["FirstObservedAt"] for key, each in findings.items()} == {key: stamp(at) for key, at in log.first.items()}
    assert {key: each["LastObservedAt"] for key, each in findings.items()} == {key: stamp(at) for key, at in log.last.items()}
    for each in findings.values():
        assert each["ProductFields"]["intelwall/actors"] == "SALTYSPIDER" and each["Severity"]["Label"] == "HIGH"
        (indicator,) = each["ThreatIntelIndicators"]
        assert indicator["Type"] == "DOMAIN" and indicator["Value"] in WATCHED and indicator["Value"] in each["Title"]


@pytest.mark.parametrize("event", [
    [], {}, {"awslogs": {}}, {"awslogs": {"data": "%%%"}}, {"awslogs": {"data": base64.b64encode(b"not gzip").decode()}},
    {"source": "aws.s3", "detail-type": "Object Created", "detail": {}},
])  # fmt: skip
def test_what_is_no_log_has_a_type_to_search_for(watching, moto, event):
    kind, answer, error_type = watching.function("sightings").invoke(event)
    assert (kind, error_type) == ("error", "Intelwall.InvalidInput"), answer
    assert told(moto) == {}
