#!/usr/bin/env python3
"""The peer that bench/log_scan.cpp is measured against: the same scan in plain Python with orjson.

Usage: log_scan_reference.py LOG NAMES    prints {"seconds": CPU of reading and matching, "hits": n, "contacts": n}
"""

import json
import sys
import time

import orjson


def contacts(record):
    event = record.get("event", record)
    kind = event.get("event_type")
    if kind is None:
        if "query_name" in event:
            yield event["query_name"]
        elif "sni" in event:
            yield event["sni"]
        return
    if kind not in ("alert", "tls", "http", "dns", "quic"):
        return
    if "tls" in event:
        yield event["tls"].get("sni", "")
    if "http" in event:
        yield event["http"].get("hostname", "").split(":")[0]
    if "quic" in event:
        yield event["quic"].get("sni", "")
    if "dns" in event:
        dns = event["dns"]
        if "rrname" in dns and dns.get("type") not in ("answer", "response"):
            yield dns["rrname"]
        for query in dns.get("query", dns.get("queries", ())):
            yield query.get("rrname", "")


def covered(names, name):
    while name:
        if name in names:
            return True
        _, _, name = name.partition(".")
    return False


def main():
    with open(sys.argv[2]) as listed:
        names = frozenset(listed.read().split())
    with open(sys.argv[1], "rb") as log:
        lines = log.read().splitlines()
    seen = hits = 0
    begin = time.process_time()
    for line in lines:
        for name in contacts(orjson.loads(line)):
            name = name.rstrip(".").lower()
            if not name:
                continue
            seen += 1
            hits += covered(names, name)
    print(json.dumps({"seconds": time.process_time() - begin, "hits": hits, "contacts": seen}))


main()
