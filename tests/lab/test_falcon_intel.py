"""The lab's Falcon Intel endpoint, judged by CrowdStrike's own falconpy."""

import json
import time

import pytest
import requests
from falconpy import APIHarnessV2, Intel
from judged_falcon import JudgedFalcon

COUNT = 3000
OWN = {"badcdn.example", "c2.badcdn.example", "xn--gdbank-wqfa.example", "goodbank.example"}
HIGH = "type:'domain'+malicious_confidence:'high'"


class Lab(JudgedFalcon):
    def __init__(self, program):
        super().__init__(program, 2, 1800, 1799, COUNT)
        self.intel = Intel(**self.keys)

    def find(self, filter=None, **more):
        answer = self.intel.query_indicator_entities(**({"filter": filter} if filter else {}), **{"limit": 10000, **more})
        assert answer["status_code"] == 200, answer["body"]
        return answer["body"]["resources"]

    def pages(self, filter, limit, **more):
        """As CrowdStrike's own MISP and Chronicle bridges page: by the last marker, until a page is short."""
        marker = None
        seen = {}
        for _ in range(COUNT):
            both = filter if marker is None else f"{filter}+_marker:>='{marker}'" if filter else f"_marker:>='{marker}'"
            page = self.find(both, limit=limit, sort="_marker.asc", **more)
            fresh = [item for item in page if item["id"] not in seen]
            seen.update({item["id"]: item for item in page})
            if not fresh:
                return seen
            marker = page[-1]["_marker"]
        raise AssertionError("no end")


@pytest.fixture
def lab(binary):
    lab = Lab(binary("judge_falcon"))
    yield lab
    lab.end()


def test_an_indicator_is_shaped_like_falcons(lab):
    item = lab.find("indicator:'badcdn.example'")[0]
    assert item["id"] == "domain_badcdn.example" and item["type"] == "domain" and item["deleted"] is False
    assert item["actors"] == ["SALTYSPIDER"] and item["malware_families"] == ["Mofksys"]
    assert item["malicious_confidence"] == "high" and "Technology" in item["targets"]
    assert isinstance(item["published_date"], int) and item["published_date"] <= item["last_updated"] <= time.time()
    assert item["_marker"].startswith(str(item["last_updated"])) and len(item["_marker"]) == 42
    assert {"name": "MaliciousConfidence/High", "created_on": item["published_date"], "last_valid_on": item["last_updated"]} in item["labels"]  # fmt: skip
    everything = lab.find(include_deleted=True)
    lists = ("reports", "actors", "malware_families", "kill_chains", "ip_address_types", "domain_types", "labels",
             "relations", "targets", "threat_types", "vulnerabilities")  # fmt: skip
    for item in everything:
        assert all(isinstance(item[name], list) for name in lists)
        assert item["id"] == f"{item['type']}_{item['indicator']}"
    assert len({item["id"] for item in everything}) == len(everything) == COUNT + len(OWN)
    assert OWN <= {item["indicator"] for item in everything}
    for name, values in (("type", 6), ("malicious_confidence", 4)):
        assert len({item[name] for item in everything}) >= values, name
    for name, values in (("actors", 10), ("malware_families", 10), ("targets", 8), ("domain_types", 8)):
        assert len({value for item in everything for value in item[name]}) >= values, name
    assert any(item["relations"] for item in everything)


def test_paging_by_marker_reaches_the_end(lab):
    everything = {item["id"]: item for item in lab.find()}
    assert lab.pages(None, 271) == everything
    assert lab.pages("deleted:false", 1000) == everything
    domains = lab.pages(HIGH, 97)
    assert domains == {id: item for id, item in everything.items() if item["type"] == "domain" and item["malicious_confidence"] == "high"}  # fmt: skip
    markers = [item["_marker"] for item in lab.find(sort="_marker.asc")]
    assert markers == sorted(markers) and len(set(markers)) == len(markers)


def test_ids_and_entities(lab):
    answer = lab.intel.query_indicator_ids(filter=HIGH, limit=50, offset=10, sort="_marker.desc")
    assert answer["status_code"] == 200
    ids = answer["body"]["resources"]
    assert [item["id"] for item in lab.find(HIGH, limit=50, offset=10, sort="_marker.desc")] == ids and len(ids) == 50
    total = answer["body"]["meta"]["pagination"]["total"]
    assert total == len(lab.find(HIGH))
    entities = lab.intel.get_indicator_entities(ids=[*ids, "domain_nobody.example"])
    assert entities["status_code"] == 200
    assert [item["id"] for item in entities["body"]["resources"]] == ids
    assert APIHarnessV2(**lab.keys).command("QueryIntelIndicatorIds", limit=1)["status_code"] == 200


@pytest.mark.parametrize(
    "parameters, text",
    [({"limit": 10000, "offset": 40000}, "the sum of limit and offset params must be less than 50000"),
     ({"limit": 1, "offset": 49999}, "the sum of limit and offset params must be less than 50000"),
     ({"limit": 10001}, "limit"), ({"limit": 0}, "limit"), ({"filter": "type:'domain' AND deleted:false"}, "filter"),
     ({"sort": "colour|asc"}, "sort"), ({"sort": "_marker.up"}, "sort"), ({"offset": -1}, "offset")])  # fmt: skip
def test_refusals(lab, parameters, text):
    answer = lab.intel.query_indicator_entities(**parameters)
    assert answer["status_code"] == 400
    assert text in answer["body"]["errors"][0]["message"]
    assert answer["body"]["errors"][0]["code"] == 400


def test_sorts(lab):
    for field in ("id", "indicator", "type", "published_date", "last_updated", "_marker", "malicious_confidence"):
        for separator, direction in (("|", "asc"), (".", "desc")):
            values = [item[field] for item in lab.find(sort=f"{field}{separator}{direction}")]
            assert values == sorted(values, reverse=direction == "desc"), field


def test_search_in_all_fields(lab):
    everything = lab.find()
    for text in ("MOFKSYS", "badcdn", "c2"):
        wanted = {item["id"] for item in everything if text.lower() in json.dumps({k: v for k, v in item.items() if k != "relations"}).lower()}  # fmt: skip
        assert {item["id"] for item in lab.find(q=text)} == wanted and wanted


def test_deletions_are_seen_where_asked_for(lab):
    shown = lab.find()
    assert not any(item["deleted"] for item in shown)
    deleted = [item for item in lab.find(include_deleted=True) if item["deleted"]]
    assert deleted and len(shown) + len(deleted) == COUNT + len(OWN)
    assert lab.find("deleted:true") == [] and len(lab.find("deleted:true", include_deleted=True)) == len(deleted)
    before = lab.find("indicator:'badcdn.example'")[0]
    lab.lab("indicators", indicators=[{"id": "domain_badcdn.example", "deleted": True}])
    assert lab.find("indicator:'badcdn.example'") == []
    after = lab.find("indicator:'badcdn.example'", include_deleted=True)
    assert len(after) == 1 and after[0]["deleted"] and after[0]["_marker"] > before["_marker"]
    assert after[0]["actors"] == before["actors"]
    assert [item["id"] for item in lab.find(f"_marker:>'{before['_marker']}'", include_deleted=True)][-1] == "domain_badcdn.example"  # fmt: skip


def test_relations_are_left_out_where_asked_for(lab):
    related = next(item for item in lab.find() if item["relations"])
    slim = lab.find(f"id:'{related['id']}'", include_relations=False)[0]
    assert "relations" not in slim
    other = related["relations"][0]["indicator"]
    assert related["id"] in {item["id"] for item in lab.find(f"relations.indicator:'{other}'")}


def test_indicators_are_added_and_changed(lab):
    added = lab.lab("indicators", indicators=[{"indicator": "new.evil.example", "type": "domain", "actors": ["NEWBEAR"]}])
    assert added[0]["id"] == "domain_new.evil.example"
    assert lab.find(sort="_marker.desc", limit=1)[0]["id"] == "domain_new.evil.example"
    found = lab.find("actors:'newbear'")
    assert [item["indicator"] for item in found] == ["new.evil.example"] and found[0]["malicious_confidence"] == "high"
    lab.lab("indicators", indicators=[{"id": "domain_new.evil.example", "malicious_confidence": "medium"}])
    assert lab.find("actors:'newbear'+malicious_confidence:'high'") == []
    changed = lab.find("actors:'newbear'")[0]
    assert changed["malicious_confidence"] == "medium" and changed["published_date"] == found[0]["published_date"]
    assert changed["_marker"] > found[0]["_marker"]
    for bad in ({"indicator": "x"}, {"indicator": "x", "type": "domain", "malicious_confidence": "huge"}, 7):
        answer = requests.post(f"{lab.base_url}/lab/falcon/indicators", json={"indicators": [bad]},
                               headers={"Authorization": f"Bearer {lab.token}"}, timeout=10)  # fmt: skip
        assert answer.status_code == 400


def test_confidence_decays(lab):
    high = {item["id"] for item in lab.find("malicious_confidence:'high'")}
    newest = lab.find(sort="_marker.desc", limit=1)[0]["_marker"]
    moved = lab.lab("time", forward="61d")[0]
    assert moved["changed"] >= len(high)
    assert lab.find("malicious_confidence:'high'") == []
    assert high <= {item["id"] for item in lab.find("malicious_confidence:['medium','low']")}
    assert len(lab.find(f"_marker:>'{newest}'")) == moved["changed"], "what decayed has a new marker"
    lab.lab("time", forward="61d")
    assert high <= {item["id"] for item in lab.find("malicious_confidence:'low'")}
    assert len(lab.find(include_deleted=True)) == COUNT + len(OWN)


def test_rate_limit(lab):
    lab.lab("manners", calls_a_minute=20)
    answers = [lab.intel.query_indicator_ids(limit=1) for _ in range(25)]
    refused = [answer for answer in answers if answer["status_code"] == 429]
    assert refused and answers[0]["status_code"] == 200
    headers = {name.lower(): value for name, value in refused[0]["headers"].items()}
    assert time.time() < int(headers["x-ratelimit-retryafter"]) <= time.time() + 61
    assert headers["x-ratelimit-limit"] == "20" and headers["x-ratelimit-remaining"] == "0"


def test_next_page_leads_through_all(lab):
    lab.lab("manners", next_page=True, most_a_page=700)
    answer = lab.intel.query_indicator_entities(filter=HIGH + ",type:'url'", limit=10000)
    seen = []
    while True:
        seen += [item["id"] for item in answer["body"]["resources"]]
        target = answer["headers"].get("Next-Page")
        if not target:
            break
        raw = requests.get(lab.base_url + target, headers={"Authorization": f"Bearer {lab.token}"}, timeout=10)
        answer = {"headers": raw.headers, "body": raw.json()}
    assert len(seen) == len(set(seen)) == answer["body"]["meta"]["pagination"]["total"] + 700 * (len(seen) // 700)
    lab.lab("manners", most_a_page=10000)
    assert set(seen) == {item["id"] for item in lab.find(HIGH + ",type:'url'")}
