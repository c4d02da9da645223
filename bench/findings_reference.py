#!/usr/bin/env python3
"""The peer that bench/findings.cpp is measured against: the same reading of findings in plain Python with orjson.

Usage: findings_reference.py FILE [--dump OUT]

Reads ASFF, GuardDuty (native and SDK spelling), EventBridge envelopes, lists and JSON lines of these, and takes the same
candidate domains with the same grades as src/findings. Prints one JSON object with the CPU seconds of parsing and
extracting (interpreter start and file reading left out); OUT gets one sorted "id TAB domain TAB grade" line a candidate.
"""

import argparse
import json
import re
import sys
import time
from dataclasses import dataclass, field

import idna
import orjson

FALCON = "crowdstrike/crowdstrike-falcon/"
DOMAIN_IOC_TYPES = frozenset(("domain", "domain_name", "hostname", "url"))
MAX_CANDIDATES = 200
MAX_TEXT = 16 * 1024
MAX_TOKEN = 2048

TRANSFORMS = re.compile(r"\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)|\{dot\}", re.I)
DEFANGED_COLON = re.compile(r"\[:\]|\[://\]|\(:\)")
NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_-]{1,63}\.)+[a-z0-9_-]{1,63}\Z")
DOTTED = re.compile(r"\.|\[dot\]|\(dot\)", re.I)
# Text is cut at white space and at quoting; a token is a URL, a defanged name or a bare name.
SEPARATORS = re.compile(r"""[\x00-\x20"'<>,;|`]+""")
SCHEME = re.compile(r"[A-Za-z]+(?::|\[:\])//")
LEADING, TRAILING = "([{", ".)]}:!?"

# Last labels that are top-level domains, but in running text mostly file names when only one label stands before them.
FILE_ENDINGS = frozenset(("md", "mov", "ps", "py", "rs", "sh", "so", "zip"))
AWS_ZONES = ("amazonaws.com", "amazonaws.com.cn", "aws.amazon.com", "api.aws")
# The own side: whose machine it was, or who called.
OWN_SIDE = frozenset(("sourcedomain", "hostname", "computername", "machinedomain", "logondomain"))


def load_public_suffixes(path="/usr/share/publicsuffix/public_suffix_list.dat"):
    tlds, private, icann = set(), set(), True
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if "===BEGIN PRIVATE" in line:
                icann = False
            rule = line.split("//")[0].strip()
            if not rule:
                continue
            if icann:
                tlds.add(idna.encode(rule.rsplit(".", 1)[-1]).decode())
            elif rule.endswith(("amazonaws.com", "amazonaws.com.cn", "api.aws")):
                private.add(rule)
    return frozenset(tlds), frozenset(private)


TLDS, AWS_PRIVATE = frozenset(), frozenset()


@dataclass(slots=True)
class Finding:
    source: str
    id: str
    product_arn: str
    product: str
    account: str
    region: str
    title: str
    severity: str
    updated_at: str
    sample: bool = False
    candidates: dict = field(default_factory=dict)  # (name, scope) -> (path, text, grade)
    refused: dict = field(default_factory=dict)  # text -> (path, reason)

    def take(self, text, path, grade):
        name = normalise(text)
        if name is None:
            self.refused.setdefault(text, (path, "no domain name"))
        else:
            self.keep(name, text, path, grade)

    def keep(self, name, text, path, grade):
        known = self.candidates.get(name)
        if known is None:
            if len(self.candidates) + len(self.refused) < MAX_CANDIDATES:
                self.candidates[name] = (path, text[:512], grade)
        elif known[2] == "observed" and grade == "ioc":
            self.candidates[name] = (path, text[:512], grade)

    def scan(self, text, path, bare=True):
        for token, name in names_in(text, bare):
            self.keep(name, token, path, "observed")


def normalise(text):
    """(name, scope) of what people and feeds write, or None."""
    text = text.strip()
    if "[" in text or "(" in text or "{" in text:
        text = DEFANGED_COLON.sub(lambda m: m.group().strip("[]()"), TRANSFORMS.sub(".", text))
    scheme, found, rest = text.partition("://")
    host = re.split(r"[/?#\\]", rest if found else text, maxsplit=1)[0]
    if found:
        host = host.rpartition("@")[2]
    host = re.sub(r":\d{1,5}\Z", "", host)
    if host.startswith("*."):
        host = host[2:]
    elif host.startswith("."):
        host = host[1:]
    if host.endswith("."):
        host = host[:-1]
    host = host.lower()
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError:
            return None
    if not NAME.match(host) or host.rpartition(".")[2].isdigit():
        return None
    return host, "subdomains"


def names_in(text, bare):
    """The URLs, defanged names and (if `bare`) plain names that stand in running text, as (token, name)."""
    if not DOTTED.search(text):
        return
    for token in SEPARATORS.split(text[:MAX_TEXT]):
        if len(token) > MAX_TOKEN or not DOTTED.search(token):
            continue
        url = SCHEME.search(token)
        if url:
            token = token[url.start() :].rstrip(TRAILING)
            name = normalise(token)
            if name and not is_aws_service(name[0]) and known_tld(name[0]):
                yield token, name
            continue
        if "\\" in token or "@" in token or token.startswith(("arn:", "/")):
            continue
        for part in re.split(r"[=:]", token.split("/", 1)[0]):
            part = part.lstrip(LEADING).rstrip(TRAILING)
            defanged = "[" in part or "(" in part
            if not DOTTED.search(part) or not (bare or defanged):
                continue
            name = normalise(part)
            if name is None or not known_tld(name[0]) or is_aws_service(name[0]):
                continue
            if not defanged and name[0].count(".") == 1 and name[0].rpartition(".")[2] in FILE_ENDINGS:
                continue
            yield part, name


def known_tld(name):
    return name.rpartition(".")[2] in TLDS


def is_aws_service(name):
    """A name that AWS runs, not a customer's below one of its private suffixes."""
    if not any(name == zone or name.endswith("." + zone) for zone in AWS_ZONES):
        return False
    parent = name.partition(".")[2]
    while parent:
        if parent in AWS_PRIVATE or "*." + parent.partition(".")[2] in AWS_PRIVATE:
            return False
        parent = parent.partition(".")[2]
    return True


def says_sample(text):
    return '"sample":true' in re.sub(r"\s", "", text)


def read_sequence(finding, sequence, path, key):
    for i, endpoint in enumerate(sequence.get(key("Endpoints")) or ()):
        if domain := endpoint.get(key("Domain")):
            finding.take(domain, f"{path}.{key('Endpoints')}[{i}].{key('Domain')}", "observed")
    lists = [(sequence, path, key("SequenceIndicators"))]
    for i, signal in enumerate(sequence.get(key("Signals")) or ()):
        lists.append((signal, f"{path}.{key('Signals')}[{i}]", key("SignalIndicators")))
    for holder, base, name in lists:
        for i, indicator in enumerate(holder.get(name) or ()):
            for j, value in enumerate(indicator.get(key("Values")) or ()):
                finding.scan(value, f"{base}.{name}[{i}].{key('Values')}[{j}]")


def read_asff(record):
    arn = record.get("ProductArn") or ""
    fields = record.get("ProductFields") or {}
    severity = record.get("Severity") or (record.get("FindingProviderFields") or {}).get("Severity") or {}
    title = record.get("Title") or ""
    finding = Finding(
        source="security_hub",
        id=record["Id"],
        product_arn=arn,
        product=arn.rpartition("/")[2],
        account=record.get("AwsAccountId") or "",
        region=record.get("Region") or (arn.split(":")[3] if arn.count(":") >= 5 else ""),
        title=title,
        severity=severity.get("Label") or "",
        updated_at=record.get("UpdatedAt") or "",
    )
    finding.sample = (
        record.get("Sample") is True
        or title.startswith("[SAMPLE]")
        or fields.get("aws/guardduty/service/additionalInfo/sample", "").lower() == "true"
        or says_sample(fields.get("aws/guardduty/service/additionalInfo/value", ""))
    )

    ioc_type, ioc_value = fields.get(FALCON + "IOCType"), fields.get(FALCON + "IOCValue")
    if ioc_type and ioc_value:
        path = f"ProductFields['{FALCON}IOCValue']"
        if ioc_type.lower() in DOMAIN_IOC_TYPES:
            finding.take(ioc_value, path, "ioc")
        else:
            finding.refused.setdefault(ioc_value, (path, f"indicator of type {ioc_type}"))
    if domain := ((record.get("Action") or {}).get("DnsRequestAction") or {}).get("Domain"):
        finding.take(domain, "Action.DnsRequestAction.Domain", "ioc")
    if domain := (record.get("Network") or {}).get("DestinationDomain"):
        finding.take(domain, "Network.DestinationDomain", "ioc")
    for i, indicator in enumerate(record.get("ThreatIntelIndicators") or ()):
        kind, value = indicator.get("Type"), indicator.get("Value")
        if not kind or not value:
            continue
        path = f"ThreatIntelIndicators[{i}].Value"
        if kind in ("DOMAIN", "URL"):
            finding.take(value, path, "ioc")
        else:
            finding.refused.setdefault(value, (path, f"indicator of type {kind}"))
    if sequence := (record.get("Detection") or {}).get("Sequence"):
        read_sequence(finding, sequence, "Detection.Sequence", lambda name: name)
    for name, value in fields.items():
        if name.startswith("aws/securityhub/") or "ApiCallAction/" in name or name == FALCON + "IOCType":
            continue
        if name == FALCON + "IOCValue" and ioc_type:
            continue
        if name.rpartition("/")[2].lower() in OWN_SIDE:
            continue
        finding.scan(value, f"ProductFields['{name}']", bare=" " not in value)
    finding.scan(title, "Title")
    finding.scan(record.get("Description") or "", "Description")
    return finding


def guardduty_label(number):
    for floor, label in ((9, "CRITICAL"), (7, "HIGH"), (4, "MEDIUM"), (1, "LOW")):
        if number >= floor:
            return label
    return "INFORMATIONAL"


def read_guardduty(record, key):
    service = record.get(key("Service")) or {}
    extra = service.get(key("AdditionalInfo")) or {}
    title = record.get(key("Title")) or ""
    finding = Finding(
        source="guardduty",
        id=record[key("Id")],
        product_arn="",
        product="guardduty",
        account=record.get(key("AccountId")) or "",
        region=record.get(key("Region")) or "",
        title=title,
        severity=guardduty_label(record.get(key("Severity")) or 0),
        updated_at=record.get(key("UpdatedAt")) or "",
    )
    finding.sample = (
        title.startswith("[SAMPLE]")
        or str(extra.get("sample", extra.get("Sample", ""))).lower() == "true"
        or says_sample(extra.get(key("Value")) or "")
    )
    action = service.get(key("Action")) or {}
    if domain := (action.get(key("DnsRequestAction")) or {}).get(key("Domain")):
        path = ".".join(map(key, ("Service", "Action", "DnsRequestAction", "Domain")))
        finding.take(domain, path, "ioc")
    if sequence := (service.get(key("Detection")) or {}).get(key("Sequence")):
        read_sequence(finding, sequence, ".".join(map(key, ("Service", "Detection", "Sequence"))), key)
    finding.scan(title, key("Title"))
    finding.scan(record.get(key("Description")) or "", key("Description"))
    return finding


def read_finding(record):
    if "service" in record:
        return read_guardduty(record, lambda name: name[0].lower() + name[1:])
    if "Service" in record:
        return read_guardduty(record, lambda name: name)
    return read_asff(record)


def records_of(document):
    if isinstance(document, list):
        for item in document:
            yield from records_of(item)
    elif "detail-type" in document:
        kind, detail = document["detail-type"], document["detail"]
        if kind == "GuardDuty Finding":
            yield detail
        elif kind in ("Security Hub Findings - Custom Action", "Security Hub Findings - Imported"):
            yield from detail["findings"]
        else:
            raise ValueError(f"unknown detail-type {kind}")
    elif "Findings" in document:
        yield from document["Findings"]
    elif "findings" in document:
        yield from document["findings"]
    else:
        yield document


def documents_of(data):
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return [orjson.loads(data)]
    except orjson.JSONDecodeError:
        pass
    documents = []
    for line in data.split(b"\n"):
        if line.strip():
            try:
                documents.append(orjson.loads(line))
            except orjson.JSONDecodeError:
                continue
    return documents


def read_findings(data):
    findings, errors = [], 0
    for document in documents_of(data):
        try:
            for record in records_of(document):
                try:
                    findings.append(read_finding(record))
                except (KeyError, TypeError, AttributeError):
                    errors += 1
        except (KeyError, TypeError, AttributeError, ValueError):
            errors += 1
    return findings, errors


def main():
    global TLDS, AWS_PRIVATE
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--dump")
    arguments = parser.parse_args()
    TLDS, AWS_PRIVATE = load_public_suffixes()
    with open(arguments.file, "rb") as file:
        data = file.read()

    start = time.process_time()
    findings, errors = read_findings(data)
    seconds = time.process_time() - start

    if arguments.dump:
        lines = {f"{f.id}\t{name[0]}\t{kept[2]}" for f in findings for name, kept in f.candidates.items()}
        with open(arguments.dump, "w", encoding="utf-8") as out:
            out.writelines(line + "\n" for line in sorted(lines))
    json.dump({"cpu_seconds": seconds, "bytes": len(data), "findings": len(findings), "errors": errors}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
