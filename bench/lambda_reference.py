"""The respond function as one would write it in Python with boto3: what bench/lambda.py measures the package against.

Correct as far as it goes: names come out of the finding's own fields only and must be domains, protected zones are refused,
a name that is blocked already is not written again, the group's variables and options are sent back as they were, a token that
is out of date is taken anew, the group is made and put into the policy where it is missing, the update is live before the
finding gets its note. It serves Lambda's Runtime API itself, with the standard library, as awslambdaric does.
"""

import datetime
import hashlib
import http.client
import ipaddress
import json
import os
import re
import time
import traceback

import boto3

FIREWALL = os.environ["INTELWALL_FIREWALL"]
PREFIX = os.environ.get("INTELWALL_PREFIX", "intelwall")
CAPACITY = int(os.environ.get("INTELWALL_CAPACITY", "1000"))
GROUP = f"{PREFIX}-blocks-1"
PROTECTED = ("amazonaws.com", "aws.amazon.com", "crowdstrike.com", "cloudsink.net")
LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")

firewalls = boto3.client("network-firewall")
hub = boto3.client("securityhub")


def domain(text):
    """A name that may stand in a rule, or None."""
    name = text.strip().lower().rstrip(".").replace("[.]", ".")
    try:
        ipaddress.ip_address(name)
        return None
    except ValueError:
        pass
    labels = name.split(".")
    if len(name) > 253 or len(labels) < 2 or labels[-1].isdigit() or not all(map(LABEL.match, labels)):
        return None
    if any(name == zone or name.endswith("." + zone) or zone.endswith("." + name) for zone in PROTECTED):
        return None
    return name


def domains(finding):
    fields = finding.get("ProductFields", {})
    found = set()
    for key, value in fields.items():
        if key.endswith("/IOCType") and value in ("domain", "domain_name"):
            found.add(domain(fields.get(key.removesuffix("Type") + "Value", "")))
    for indicator in finding.get("ThreatIntelIndicators", []):
        if indicator.get("Type") == "DOMAIN":
            found.add(domain(indicator.get("Value", "")))
    return found - {None}


def rules(name, finding):
    number = int(hashlib.sha256(name.encode()).hexdigest()[:7], 16) % 400_000_000
    day = datetime.datetime.now(datetime.timezone.utc)
    about = re.sub(r"[^A-Za-z0-9:._-]", "_", finding["Id"])[:60]
    tail = (
        f'msg:"blocked {name}"; metadata:finding {about}, created {day:%Y_%m_%d}, '
        f"expires {day + datetime.timedelta(days=30):%Y_%m_%d};"
    )
    match = f'dotprefix; content:".{name}"; endswith;'
    return [
        f"drop tls $HOME_NET any -> $EXTERNAL_NET any (tls.sni; {match.replace('endswith', 'nocase; endswith')} "
        f"flow:to_server; {tail} sid:{1_000_000_000 + 2 * number}; rev:1;)",
        f"drop http $HOME_NET any -> $EXTERNAL_NET any (http.host; {match} "
        f"flow:to_server; {tail} sid:{1_000_000_001 + 2 * number}; rev:1;)",
    ]


def make_group(text, order):
    made = firewalls.create_rule_group(
        RuleGroupName=GROUP,
        Type="STATEFUL",
        Capacity=CAPACITY,
        RuleGroup={"RulesSource": {"RulesString": text}, "StatefulRuleOptions": {"RuleOrder": order}},
    )
    return made["RuleGroupResponse"]["RuleGroupArn"]


def refer(policy_arn, group_arn):
    policy = firewalls.describe_firewall_policy(FirewallPolicyArn=policy_arn)
    wanted = policy["FirewallPolicy"]
    references = wanted.setdefault("StatefulRuleGroupReferences", [])
    if any(each["ResourceArn"] == group_arn for each in references):
        return
    reference = {"ResourceArn": group_arn}
    if wanted.get("StatefulEngineOptions", {}).get("RuleOrder") == "STRICT_ORDER":
        taken = {each.get("Priority") for each in references}
        reference["Priority"] = next(n for n in range(100, 1000) if n not in taken)
    references.append(reference)
    firewalls.update_firewall_policy(
        UpdateToken=policy["UpdateToken"], FirewallPolicyArn=policy_arn, FirewallPolicy=wanted
    )


def write(wanted, order):
    """{name: finding} into the group. The group's ARN, and the names that were new."""
    for attempt in range(8):
        try:
            live = firewalls.describe_rule_group(RuleGroupName=GROUP, Type="STATEFUL")
        except firewalls.exceptions.ResourceNotFoundException:
            text = "\n".join(line for name, finding in wanted.items() for line in rules(name, finding))
            return make_group(text, order), set(wanted)
        text = live["RuleGroup"]["RulesSource"].get("RulesString", "")
        new = {name for name in wanted if f'content:".{name}"' not in text}
        if not new:
            return live["RuleGroupResponse"]["RuleGroupArn"], new
        lines = [text] if text else []
        lines += [line for name in sorted(new) for line in rules(name, wanted[name])]
        group = {**live["RuleGroup"], "RulesSource": {"RulesString": "\n".join(lines)}}
        try:
            done = firewalls.update_rule_group(
                UpdateToken=live["UpdateToken"], RuleGroupName=GROUP, Type="STATEFUL", RuleGroup=group
            )
            return done["RuleGroupResponse"]["RuleGroupArn"], new
        except firewalls.exceptions.InvalidTokenException:
            time.sleep(0.05 * 2**attempt)
    raise RuntimeError("somebody else writes to the group all the time")


def wait_until_live(deadline):
    while True:
        status = firewalls.describe_firewall(FirewallName=FIREWALL)["FirewallStatus"]
        if status["ConfigurationSyncStateSummary"] == "IN_SYNC":
            return
        if time.time() + 1 > deadline:
            raise RuntimeError("the update is written but not live in every zone")
        time.sleep(0.25)


def handler(event, deadline):
    if event.get("detail-type") != "Security Hub Findings - Custom Action":
        raise ValueError("this is no pressed custom action")
    findings = event["detail"]["findings"]
    wanted = {name: finding for finding in findings for name in domains(finding)}
    if wanted:
        firewall = firewalls.describe_firewall(FirewallName=FIREWALL)["Firewall"]
        policy = firewalls.describe_firewall_policy(FirewallPolicyArn=firewall["FirewallPolicyArn"])
        options = policy["FirewallPolicy"].get("StatefulEngineOptions", {})
        arn, _ = write(wanted, options.get("RuleOrder", "DEFAULT_ACTION_ORDER"))
        refer(firewall["FirewallPolicyArn"], arn)
        wait_until_live(deadline)
    for finding in findings:
        names = sorted(domains(finding))
        hub.batch_update_findings(
            FindingIdentifiers=[{"Id": finding["Id"], "ProductArn": finding["ProductArn"]}],
            Note={"Text": f"blocked: {', '.join(names) or 'nothing'}"[:512], "UpdatedBy": "respond"},
            **({"Workflow": {"Status": "NOTIFIED"}} if names else {}),
        )
    return {"blocked": sorted(wanted)}


def serve(host):
    connection = http.client.HTTPConnection(host)
    base = "/2018-06-01/runtime/invocation/"
    while True:
        connection.request("GET", base + "next")
        response = connection.getresponse()
        body, request_id = response.read(), response.headers["Lambda-Runtime-Aws-Request-Id"]
        deadline = int(response.headers["Lambda-Runtime-Deadline-Ms"]) / 1000
        try:
            path, answer = "/response", handler(json.loads(body), deadline)
        except Exception as fault:
            path, answer = "/error", {
                "errorType": type(fault).__name__,
                "errorMessage": str(fault),
                "stackTrace": traceback.format_tb(fault.__traceback__),
            }
        connection.request("POST", base + request_id + path, json.dumps(answer))
        connection.getresponse().read()


if __name__ == "__main__":
    serve(os.environ["AWS_LAMBDA_RUNTIME_API"])
