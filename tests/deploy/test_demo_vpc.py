"""The evaluation VPC: every way out and back leads through the firewall. moto cannot make it, for it has neither
Fn::Cidr nor Network Firewall in templates, so the template itself is looked at."""

import ipaddress
import itertools

import pytest
from template import Resolved, Template

TEMPLATE = Template("demo-vpc.yaml")
INTELWALL = Template("intelwall.yaml")
FALCON = {"FalconClientId": "0123456789abcdef", "FalconClientSecret": "0123456789abcdef0123456789abcdef01234567"}


def made(zones, **more):
    return Resolved(TEMPLATE, CodeBucket="packages", Zones=zones, **more).resources()


def of(resources, kind):
    return {name: each["Properties"] for name, each in resources.items() if each["Type"] == kind}


@pytest.mark.parametrize("zones", [1, 2])
def test_out_and_back_lead_through_the_firewall(zones):
    resources = made(zones)
    associations = of(resources, "AWS::EC2::SubnetRouteTableAssociation").values()
    tables = {each["SubnetId"]: each["RouteTableId"] for each in associations}
    subnets = of(resources, "AWS::EC2::Subnet")
    assert len(subnets) == 3 * zones and {f"${{{name}}}" for name in subnets} == tables.keys()
    (gateway,) = of(resources, "AWS::EC2::Route").values()
    (edge,) = of(resources, "AWS::EC2::GatewayRouteTableAssociation").values()
    assert gateway["GatewayId"] == edge["GatewayId"] == "${Gateway}"
    entries = of(resources, "Custom::IntelwallRoute").values()
    routes = {(each["RouteTableId"], each["DestinationCidrBlock"]): each for each in entries}
    expected = set()
    for zone in range(1, zones + 1):
        protected = f"${{ProtectedSubnet{zone}}}"
        out = (tables[protected], "0.0.0.0/0")
        back = (edge["RouteTableId"], f"${{ProtectedSubnet{zone}.CidrBlock}}")
        expected |= {out, back}
        for each in (out, back):
            assert routes[each]["AvailabilityZone"] == f"${{ProtectedSubnet{zone}.AvailabilityZone}}"
        # Endpoint and workload stand in one zone, and only the firewall's subnet leads to the gateway.
        pair = (subnets[f"FirewallSubnet{zone}"], subnets[f"ProtectedSubnet{zone}"])
        assert pair[0]["AvailabilityZone"] == pair[1]["AvailabilityZone"]
        assert tables[f"${{FirewallSubnet{zone}}}"] == gateway["RouteTableId"] != tables[protected]
    assert routes.keys() == expected
    (firewall,) = of(resources, "AWS::NetworkFirewall::Firewall").values()
    mapped = [each["SubnetId"] for each in firewall["SubnetMappings"]]
    assert mapped == [f"${{FirewallSubnet{zone}}}" for zone in range(1, zones + 1)]


@pytest.mark.parametrize("block", ["10.99.0.0/16", "192.168.16.0/20"])
def test_subnets_do_not_overlap(block):
    assert not TEMPLATE.refusals(CodeBucket="packages", VpcCidr=block)
    subnets = of(made(2, VpcCidr=block), "AWS::EC2::Subnet").values()
    networks = [ipaddress.ip_network(each["CidrBlock"]) for each in subnets]
    assert len(networks) == 6
    assert all(each.subnet_of(ipaddress.ip_network(block)) for each in networks)
    assert not any(one.overlaps(two) for one, two in itertools.combinations(networks, 2))


def test_the_policy_protects_the_vpc_and_logs():
    resources = made(1)
    (policy,) = of(resources, "AWS::NetworkFirewall::FirewallPolicy").values()
    policy = policy["FirewallPolicy"]
    assert policy["StatefulEngineOptions"] == {"RuleOrder": "STRICT_ORDER", "StreamExceptionPolicy": "DROP"}
    assert policy["PolicyVariables"]["RuleVariables"]["HOME_NET"]["Definition"] == ["10.99.0.0/16"]
    assert policy["StatelessDefaultActions"] == ["aws:forward_to_sfe"]
    (logging,) = of(resources, "AWS::NetworkFirewall::LoggingConfiguration").values()
    logs = logging["LoggingConfiguration"]["LogDestinationConfigs"]
    assert {each["LogType"] for each in logs} == {"ALERT", "FLOW"}


def test_the_workload_has_no_key_and_no_way_in():
    resources = made(2)
    (workload,) = of(resources, "AWS::EC2::Instance").values()
    assert "KeyName" not in workload and "UserData" not in workload
    (group,) = of(resources, "AWS::EC2::SecurityGroup").values()
    assert "SecurityGroupIngress" not in group
    (template,) = of(resources, "AWS::EC2::LaunchTemplate").values()
    assert template["LaunchTemplateData"]["MetadataOptions"]["HttpTokens"] == "required"
    (role,) = [each for each in of(resources, "AWS::IAM::Role").values()]
    assert role["ManagedPolicyArns"] == ["arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"]


@pytest.mark.parametrize("more", [{}, FALCON | {"HuntFql": "malicious_confidence:'high'"}])
def test_what_it_gives_to_intelwall_is_taken(more):
    (stack,) = of(made(2, **more), "AWS::CloudFormation::Stack").values()
    given = stack["Parameters"] | {"AlertLogGroup": "/demo/alert", "RouteVpcId": "vpc-0123456789abcdef0"}
    assert INTELWALL.refusals(**given) == []


def test_what_cannot_work_is_refused():
    base = {"CodeBucket": "packages"}
    assert TEMPLATE.refusals(**base) == []
    blocks = [{"VpcCidr": each} for each in ("8.8.8.0/16", "10.0.0.0/24", "everything")]
    for bad in (*blocks, {"Zones": 3}, {"InstanceType": "big"}, {"HuntFql": "type:'domain'"}):
        assert len(TEMPLATE.refusals(**base | bad)) == 1, bad
