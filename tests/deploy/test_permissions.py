"""Each role has what its function's code can call, and nothing else. The calls are read from the program: which methods
of the API clients a handler reaches (call_graph), and which operations those methods send (src/aws)."""

import re

import botocore.session
import pytest
from call_graph import CallGraph
from template import PARTITIONS, Resolved, Template
from test_parameters import ORGANISATION
from test_templates import EVERYTHING, SOURCE

TEMPLATE = Template("intelwall.yaml")
APP = r"intelwall::app::"
# What a handler is made of. The handler itself counts as soon as the program has it.
PARTS = {
    "respond": r"(connect|open_firewall|load_guardrails|respond)\(",
    "hunt": r"(connect|open_firewall|load_guardrails|run_hunts)\(",
    "expire": r"(connect|open_firewall|expire)\(",
    "forward": r"(connect|forward)\(",
    "sightings": r"(connect|LogFollower::step)\(",
    "custom-resource": r"connect\(",
}
# What AWS does in the role's name, or asks for beside the call itself.
BESIDE = {
    "logs:CreateLogStream": "what the function prints",
    "logs:PutLogEvents": "what the function prints",
    "sqs:ReceiveMessage": "the event source mapping reads the queue",
    "sqs:DeleteMessage": "the event source mapping reads the queue",
    "sqs:GetQueueAttributes": "the event source mapping reads the queue",
    "sqs:SendMessage": "Lambda writes what failed into the dead-letter queue",
    "kms:Decrypt": "the stack's own key",
    "kms:GenerateDataKey": "the stack's own key",
    "network-firewall:TagResource": "CreateRuleGroup with tags",
    "route53resolver:TagResource": "CreateFirewallDomainList with tags",
    "s3:ListBucket": "S3 tells an object that is not there from one that is forbidden",
}
# What IAM knows no resource for.
WITHOUT_RESOURCE = {
    "ec2:DescribeNetworkInterfaces",
    "route53resolver:ListFirewallDomainLists",
    "route53resolver:ListFirewallRuleGroupAssociations",
}
GROUP = EVERYTHING["DnsFirewallRuleGroupId"]
# A table of virtual functions reaches this one for everybody; who calls it is told by the source.
CUT = ("intelwall::firewalls::(anonymous namespace)::NetworkFirewall::cut(", {"network-firewall:StartFlowFlush",
       "network-firewall:ListFlowOperationResults"})


# Where IAM has another name than the API, and where S3's calls are told by method and query alone.
IAM = {
    "s3:ListObjectsV2": {"s3:ListBucket"},
    "s3:ListObjectVersions": {"s3:ListBucketVersions"},
    "s3:DeleteObjects": {"s3:DeleteObject", "s3:DeleteObjectVersion"},
    "s3:HeadObject": {"s3:GetObject"},
}


def operations():
    """"Client::method" → the IAM actions of the operations that it sends: each is named in the method's text, by a
    path that botocore knows, or by the method's own name."""
    session = botocore.session.get_session()
    texts = {file: file.read_text() for file in sorted((SOURCE / "aws").glob("*.cpp"))}
    signing = {
        hit[1]: hit[2]
        for text in texts.values()
        for hit in re.finditer(r'(\w+Client)::\1\(.*?client_\(.*?, "[\w ]+", "[\w-]+", "([\w-]+)"', text, re.S)
    }
    out = {}
    for text in texts.values():
        for body in re.split(r"\n(?=\S)", text):
            method = re.match(r"\S.*?\b(\w+Client)::(\w+)\(", body)
            if not method or method[1] not in signing:
                continue
            service = signing[method[1]]
            model = session.get_service_model(service)
            names = {literal.split(".")[-1] for literal in re.findall(r'"([\w.]+)"', body)} & set(model.operation_names)
            if not names:
                verb = re.search(r'"(GET|POST|PUT|PATCH|DELETE)"', body)
                paths = re.findall(r'"(/[\w/]+)"', body)
                for name in model.operation_names:
                    http = model.operation_model(name).http
                    if http["requestUri"] in paths and http["method"] == (verb[1] if verb else "POST"):
                        names.add(name)
            camel = "".join(word.capitalize() for word in method[2].split("_"))
            if not names and camel in model.operation_names:
                names.add(camel)
            actions = set().union(*(IAM.get(f"{service}:{name}", {f"{service}:{name}"}) for name in names))
            if actions:
                out.setdefault(f"{method[1]}::{method[2]}", set()).update(actions)
    return out


@pytest.fixture(scope="module")
def called(binary):
    graph = CallGraph(binary("intelwall"))
    known = operations()
    cut_callers = {path.name for path in (SOURCE / "app").glob("*.cpp") if "->cut(" in path.read_text()}
    assert cut_callers == {"respond.cpp"}

    def of(handler):
        whole = graph.find(rf"intelwall::lambda::make_{handler.replace('-', '_')}_handler[(\[]")
        roots = whole or graph.find(APP + PARTS[handler])
        assert roots
        reached = graph.reachable(roots)
        actions = set()
        for name in reached:
            if method := re.match(r"intelwall::aws::(\w+Client::\w+)[(\[]", name):
                actions |= known.get(method[1], set())
        if not any(name.startswith("intelwall::app::respond(") for name in reached):
            actions -= CUT[1]
        return actions, bool(whole)

    return of


def statements(role, resources):
    """Of the role's own policies, those that it shares and those that name it."""
    properties = resources[role]["Properties"]
    policies = [each["PolicyDocument"] for each in properties["Policies"]]
    policies += [resources[each[2:-1]]["Properties"]["PolicyDocument"] for each in properties["ManagedPolicyArns"]]
    for resource in resources.values():
        if resource["Type"] == "AWS::IAM::Policy" and f"${{{role}}}" in resource["Properties"]["Roles"]:
            policies.append(resource["Properties"]["PolicyDocument"])
    for each in (statement for policy in policies for statement in policy["Statement"]):
        assert each["Effect"] == "Allow"
        actions, where = each["Action"], each["Resource"]
        yield [actions] if isinstance(actions, str) else actions, [where] if isinstance(where, str) else where


def roles(resources):
    """handler → its role."""
    return {
        resource["Properties"]["Handler"]: resource["Properties"]["Role"][2:].split(".")[0]
        for resource in resources.values()
        if resource["Type"] == "AWS::Lambda::Function"
    }


def granted(handler, **given):
    resources = Resolved(TEMPLATE, **given).resources()
    return {each for actions, _ in statements(roles(resources)[handler], resources) for each in actions}


def test_the_operations_are_read_from_the_source():
    known = operations()
    assert known["NetworkFirewallClient::update_policy"] == {"network-firewall:UpdateFirewallPolicy"}
    assert known["SecurityHubClient::batch_update_findings"] == {"securityhub:BatchUpdateFindings"}
    assert known["SecurityHubClient::enabled_products"] == {"securityhub:ListEnabledProductsForImport"}
    assert known["SecurityHubClient::import_batch"] == {"securityhub:BatchImportFindings"}
    assert known["SsmClient::get_parameter"] == {"ssm:GetParameter"}
    assert known["Ec2Client::instances_at"] == {"ec2:DescribeNetworkInterfaces"}
    for path in (SOURCE / "aws").glob("*.cpp"):
        for body in re.split(r"\n(?=\S)", path.read_text()):
            method = re.match(r"\S.*?\b(\w+Client::\w+)\(", body)
            # What gets the operation's name from its callers sends what they name.
            if method and "client_.call_" in body and "const char* operation" not in body:
                assert method[1] in known, "what does it send?"


@pytest.mark.parametrize("handler", PARTS)
def test_a_role_has_what_its_code_calls_and_no_more(handler, called):
    (calls, whole), has = called(handler), granted(handler, **EVERYTHING) - BESIDE.keys()
    assert not calls - has, f"{handler} would be refused"
    assert not whole or not has - calls, f"{handler} never calls these"


def test_dns_firewall_is_off_by_default():
    for handler in roles(Resolved(TEMPLATE, **ORGANISATION).resources()):
        assert not [each for each in granted(handler, **ORGANISATION) if each.startswith("route53resolver:")]
    for resource in Resolved(TEMPLATE, **ORGANISATION).resources().values():
        if resource["Type"] == "AWS::Lambda::Function":
            assert "INTELWALL_DNS_FIREWALL" not in resource["Properties"]["Environment"]["Variables"]


def test_dns_firewall_is_known_to_whoever_may_write_it():
    resources = Resolved(TEMPLATE, **EVERYTHING).resources()
    for resource in resources.values():
        if resource["Type"] == "AWS::Lambda::Function":
            properties = resource["Properties"]
            writes = "route53resolver:UpdateFirewallDomains" in granted(properties["Handler"], **EVERYTHING)
            assert writes == (properties["Environment"]["Variables"].get("INTELWALL_DNS_FIREWALL") == GROUP)
            assert writes == (properties["Handler"] in ("respond", "hunt", "expire"))


def test_with_firewall_manager_only_contents_change():
    for handler in roles(Resolved(TEMPLATE, **ORGANISATION).resources()):
        shape = {"UpdateFirewallPolicy", "CreateRuleGroup", "DeleteRuleGroup"}
        if handler == "custom-resource":  # makes the groups with the stack, and deletes them with it
            shape = {"UpdateFirewallPolicy"}
        assert not granted(handler, **ORGANISATION) & {f"network-firewall:{each}" for each in shape}


@pytest.mark.parametrize("region", PARTITIONS)
def test_each_action_has_its_resource(region):
    resources = Resolved(TEMPLATE, region, **EVERYTHING).resources()
    for handler, role in roles(resources).items():
        for actions, where in statements(role, resources):
            assert not [each for each in actions if "*" in each], handler
            if where == ["*"]:
                assert set(actions) <= WITHOUT_RESOURCE
                continue
            for each in where:
                assert each.startswith(("${", f"arn:{PARTITIONS[region]}:", "arn:aws:secretsmanager")), each


def test_functions_share_no_role():
    resources = Resolved(TEMPLATE, **EVERYTHING).resources()
    assert len(set(roles(resources).values())) == len(roles(resources)) == 6


def test_the_graph_follows_calls_and_tables(binary):
    """A method that only a table of virtual functions leads to, and one that nothing leads to."""
    graph = CallGraph(binary("intelwall"))
    reached = graph.reachable(graph.find(APP + r"open_firewall\("))
    assert any("NetworkFirewallClient::update_rule_group" in name for name in reached)
    assert not any("SecurityHubClient::search_findings" in name for name in reached)
