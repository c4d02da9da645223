"""What an operator would write instead of a hunt: all of a filter's domains from Falcon Intel by _marker, the ones worth
watching chosen, one a line. FALCON_BASE_URL, FALCON_CLIENT_ID and FALCON_CLIENT_SECRET say where and who.

Usage: hunt_reference.py FQL OUTPUT
"""
import os
import sys
import time

import orjson
import requests
from falconpy import Intel

DAYS = {"high": 60, "medium": 120, "low": 180, "unverified": 30}
EXCLUDED = {"knowngood", "sinkholed", "parking", "sharedwebhost", "popularsite"}

# falconpy decodes answers with requests' json(), which orjson does faster.
requests.models.Response.json = lambda self, **_: orjson.loads(self.content)


def is_wanted(indicator, now):
    if indicator["type"] != "domain" or indicator.get("deleted"):
        return False
    confidence = indicator.get("malicious_confidence", "unverified").lower()
    if confidence not in ("high", "medium", "low"):
        return False
    if any(kind.lower() in EXCLUDED for kind in indicator.get("domain_types") or []):
        return False
    end = indicator["last_updated"] + DAYS[confidence] * 86_400
    end += -end % 86_400
    return end > now


def main():
    filter_text, output = sys.argv[1:]
    intel = Intel(
        client_id=os.environ["FALCON_CLIENT_ID"],
        client_secret=os.environ["FALCON_CLIENT_SECRET"],
        base_url=os.environ["FALCON_BASE_URL"],
    )
    now = time.time()
    domains = set()
    seen = set()
    marker = None
    while True:
        query = filter_text if marker is None else f"{filter_text}+_marker:>='{marker}'"
        answer = intel.query_indicator_entities(
            filter=query, sort="_marker.asc", limit=10_000, include_relations=False
        )
        if answer["status_code"] != 200:
            sys.exit(f"Falcon answered {answer['status_code']}: {answer['body'].get('errors')}")
        fresh = [each for each in answer["body"]["resources"] if each["id"] not in seen]
        if not fresh:
            break
        for each in fresh:
            seen.add(each["id"])
            if is_wanted(each, now):
                domains.add(each["indicator"].lower().rstrip("."))
        marker = fresh[-1]["_marker"]
    with open(output, "w", encoding="ascii") as file:
        for domain in sorted(domains):
            file.write(domain + "\n")


if __name__ == "__main__":
    main()
