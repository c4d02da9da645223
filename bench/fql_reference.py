#!/usr/bin/env python3
"""The peer that bench/fql.cpp is measured against: a filter as closures over parsed indicators, in plain Python.

Usage: fql_reference.py FILE.jsonl FILTER… [--now SECONDS] [--rounds N] [--ids OUT]

Prints a JSON line per filter with the CPU seconds of orjson's parsing and, apart from it, of evaluating the filter once
over the parsed objects (the best of N rounds; interpreter start, file reading and compiling the filter left out). OUT
gets the numbers of the matching lines, a line per filter.

It knows what well-formed filters over Falcon indicators need: all operators, lists, groups, dates, wildcards.
"""

import argparse
import datetime
import gc
import json
import re
import sys
import time

import orjson

# Closed vocabularies, compared without case.
VOCABULARY = frozenset(
    "type malicious_confidence domain_types ip_address_types kill_chains threat_types targets actors malware_families "
    "vulnerabilities reports scope labels labels.name".split()
)
DATES = frozenset("published_date last_updated created_date labels.created_on labels.last_valid_on".split())
TOKEN = re.compile(
    r"""\s*(?:(?P<punct>[()+,])|(?P<prop>[A-Za-z_][\w.]*)\s*:\s*(?P<op>!~|!\*|>=|<=|=<|=>|!|>|<|~|\*)?\s*)""", re.X
)
VALUE = re.compile(r"""\s*(?:'((?:\\['"\\]|[^'])*)'|"((?:\\['"\\]|[^"])*)"|(\[)|([^\s'"+,()\[\]]+))""")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
WORDS = re.compile(r"[0-9a-z\x80-\U0010ffff]+")


def parse_value(text, at):
    match = VALUE.match(text, at)
    if not match:
        raise ValueError(f"no value at {at}")
    single, double, bracket, bare = match.groups()
    if bracket:
        values = []
        at = match.end()
        while True:
            value, at = parse_value(text, at)
            values.append(value)
            separator = re.compile(r"\s*([,\]])").match(text, at)
            at = separator.end()
            if separator.group(1) == "]":
                return values, at
    quoted = single if single is not None else double
    if quoted is not None:
        return re.sub(r"\\(['\"\\])", r"\1", quoted), match.end()
    if bare in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[bare], match.end()
    return (float(bare) if "." in bare else int(bare)), match.end()


def as_moment(value, now):
    """The first and the last second of a date, or None."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value, value
    if not isinstance(value, str):
        return None
    relative = re.fullmatch(r"now(?:([+-])(\d+)([smhdw]))?", value)
    if relative:
        sign, count, unit = relative.groups()
        seconds = int(count or 0) * UNITS.get(unit, 0)
        return (now - seconds if sign == "-" else now + seconds,) * 2
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            day = datetime.datetime.fromisoformat(value).replace(tzinfo=datetime.timezone.utc).timestamp()
            return day, day + 86399.999999999
        if re.fullmatch(r"-?\d+", value):
            return int(value), int(value)
        return (datetime.datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp(),) * 2
    except ValueError:
        return None


def values_of(item, path):
    """The values at a path; a step through a list goes to each element."""
    if isinstance(item, list):
        return [value for each in item for value in values_of(each, path)]
    if not path:
        return [] if item is None else [item]
    if isinstance(item, dict):
        return values_of(item.get(path[0]), path[1:])
    return []


def compile_test(prop, op, literal, in_list, now):
    """A test of one value."""
    fold = (lambda text: text.lower()) if prop in VOCABULARY else (lambda text: text)
    if op in ("<", "<=", ">", ">="):
        if prop in DATES:
            first, last = as_moment(literal, now)
            return {
                "<": lambda value: value < first,
                "<=": lambda value: value <= last,
                ">": lambda value: value > last,
                ">=": lambda value: value >= first,
            }[op]
        literal = str(literal) if prop == "_marker" else literal
        return {
            "<": lambda value: value < literal,
            "<=": lambda value: value <= literal,
            ">": lambda value: value > literal,
            ">=": lambda value: value >= literal,
        }[op]
    if op == "~":
        wanted = frozenset(WORDS.findall(literal.lower()))
        return lambda value: wanted.issubset(WORDS.findall(value.lower()))
    if op == "*" or (isinstance(literal, str) and "*" in literal and not in_list):
        pattern = fold(literal if "*" in literal else f"*{literal}*")
        inner = pattern.strip("*")
        if not inner:
            return lambda value: value != ""
        if pattern == f"*{inner}*" and "*" not in inner:
            return lambda value: inner in fold(value)
        match = re.compile(".*".join(map(re.escape, pattern.split("*"))), re.S).fullmatch
        return lambda value: match(fold(value)) is not None
    if prop in DATES:
        first, last = as_moment(literal, now)
        return lambda value: first <= value <= last
    if isinstance(literal, str):
        wanted = fold(literal)
        return lambda value: fold(value) == wanted
    return lambda value: value is literal or value == literal


def compile_condition(prop, op, literal, now):
    negated = op.startswith("!")
    op = {"=<": "<=", "=>": ">="}.get(op, op).lstrip("!")
    literals = literal if isinstance(literal, list) else [literal]
    missing = any(each is None or each == "" for each in literals)
    tests = [compile_test(prop, op, each, isinstance(literal, list), now) for each in literals if each is not None]
    only = tests[0] if len(tests) == 1 else None
    if prop == "labels":
        prop = "labels.name"
    path = prop.split(".")
    key = prop if len(path) == 1 else None

    def holds(item):
        value = item.get(key) if key else values_of(item, path)
        if isinstance(value, list):
            found = value
        else:
            found = [] if value is None else [value]
        if not found:
            return missing
        if only:
            for each in found:
                if only(each):
                    return True
            return False
        return any(test(each) for each in found for test in tests)

    return (lambda item: not holds(item)) if negated else holds


def compile_filter(text, now):
    at = 0

    def peek():
        return TOKEN.match(text, at)

    def term():
        nonlocal at
        match = peek()
        if match is None:
            raise ValueError(f"cannot read the filter at {at}: {text[at:]}")
        at = match.end()
        if match.group("punct") == "(":
            inner = any_of()
            at = peek().end()
            return inner
        value, at = parse_value(text, at)
        return compile_condition(match.group("prop").lower(), match.group("op") or "", value, now)

    def sequence(part, separator, join):
        nonlocal at
        parts = [part()]
        while (match := peek()) and match.group("punct") == separator:
            at = match.end()
            parts.append(part())
        return parts[0] if len(parts) == 1 else join(parts)

    def join_all(parts):
        def holds(item):
            for part in parts:
                if not part(item):
                    return False
            return True

        return holds

    def join_any(parts):
        def holds(item):
            for part in parts:
                if part(item):
                    return True
            return False

        return holds

    def all_of():
        return sequence(term, "+", join_all)

    def any_of():
        return sequence(all_of, ",", join_any)

    compiled = any_of()
    if text[at:].strip():
        raise ValueError(f"text is left over: {text[at:]}")
    return compiled


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("filter", nargs="+")
    parser.add_argument("--now", type=int, default=int(time.time()))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--ids")
    arguments = parser.parse_args()
    with open(arguments.file, "rb") as file:
        lines = file.read().splitlines()

    # Parsing is timed as a stream has it, each object dropped at once: keeping them all costs three times as much, in
    # the garbage collector's walks over what is kept.
    start = time.process_time()
    for line in lines:
        orjson.loads(line)
    parsing = time.process_time() - start
    gc.disable()
    objects = [orjson.loads(line) for line in lines]

    out = open(arguments.ids, "w", encoding="utf-8") if arguments.ids else None
    for text in arguments.filter:
        holds = compile_filter(text, arguments.now)
        best = None
        for _ in range(arguments.rounds):
            start = time.process_time()
            matches = [number for number, item in enumerate(objects) if holds(item)]
            seconds = time.process_time() - start
            best = seconds if best is None else min(best, seconds)
        if out:
            out.write(" ".join(map(str, matches)) + "\n")
        json.dump({"filter": text, "objects": len(objects), "matches": len(matches), "parse_seconds": parsing,
                   "evaluate_seconds": best}, sys.stdout)
        print()
    if out:
        out.close()


if __name__ == "__main__":
    main()
