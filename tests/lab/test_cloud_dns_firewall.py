"""The lab's Route 53 DNS Firewall, judged by boto3 and botocore's service model (moto has none)."""


import pytest
from botocore.exceptions import ClientError

GROUP = "rslvr-frg-0123456789abcdef0"


@pytest.fixture(scope="module")
def dns(cloud):
    return cloud.client("route53resolver")


def refused(name, call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == name, caught.value


def make_list(dns, name):
    return dns.create_firewall_domain_list(CreatorRequestId=name, Name=name)["FirewallDomainList"]


def names(dns, list_id, page=100):
    pages = dns.get_paginator("list_firewall_domains").paginate(
        FirewallDomainListId=list_id, PaginationConfig={"PageSize": page}
    )
    return [name for each in pages for name in each["Domains"]]


def test_a_list_from_its_making_to_its_end(dns):
    made = dns.create_firewall_domain_list(
        CreatorRequestId="1", Name="bad names", Tags=[{"Key": "owner", "Value": "judge"}]
    )["FirewallDomainList"]
    again = dns.create_firewall_domain_list(CreatorRequestId="1", Name="bad names")["FirewallDomainList"]
    assert made["Id"] == again["Id"] and made["DomainCount"] == 0
    assert dns.list_tags_for_resource(ResourceArn=made["Arn"])["Tags"] == [{"Key": "owner", "Value": "judge"}]

    def update(operation, *domains):
        return dns.update_firewall_domains(
            FirewallDomainListId=made["Id"], Operation=operation, Domains=list(domains)
        )

    update("ADD", "Evil.com", "*.evil.com.", "a.example", "b.example")
    update("REMOVE", "a.example", "never.example")
    assert names(dns, made["Id"], page=2) == ["*.evil.com.", "b.example.", "evil.com."]
    update("REPLACE", "c.example")
    assert names(dns, made["Id"]) == ["c.example."]
    assert dns.get_firewall_domain_list(FirewallDomainListId=made["Id"])["FirewallDomainList"]["DomainCount"] == 1
    for bad in ("no name", "a..b", "*evil.com", "x" * 64 + ".com"):
        with pytest.raises(ClientError):
            update("ADD", bad)
    with pytest.raises(ClientError):
        update("ADD", *[f"n{i}.example" for i in range(1001)])
    dns.delete_firewall_domain_list(FirewallDomainListId=made["Id"])
    refused("ResourceNotFoundException", dns.get_firewall_domain_list, FirewallDomainListId=made["Id"])


def test_rules_stand_by_priority(dns):
    group = dns.create_firewall_rule_group(CreatorRequestId="g", Name="group")["FirewallRuleGroup"]["Id"]
    first, second = make_list(dns, "first")["Id"], make_list(dns, "second")["Id"]

    def rule(list_id, priority, action, **more):
        return dns.create_firewall_rule(
            CreatorRequestId=list_id, FirewallRuleGroupId=group, FirewallDomainListId=list_id, Priority=priority,
            Action=action, Name="rule", **more)  # fmt: skip

    rule(second, 200, "ALERT")
    rule(first, 100, "BLOCK", BlockResponse="NXDOMAIN")
    listed = dns.list_firewall_rules(FirewallRuleGroupId=group)["FirewallRules"]
    assert [each["FirewallDomainListId"] for each in listed] == [first, second]
    assert dns.get_firewall_rule_group(FirewallRuleGroupId=group)["FirewallRuleGroup"]["RuleCount"] == 2
    third = make_list(dns, "third")["Id"]
    with pytest.raises(ClientError):
        rule(third, 100, "ALERT")
    with pytest.raises(ClientError):
        rule(third, 300, "BLOCK")
    refused("ConflictException", dns.delete_firewall_domain_list, FirewallDomainListId=first)
    dns.update_firewall_rule(FirewallRuleGroupId=group, FirewallDomainListId=first, Action="ALERT")
    assert len(dns.list_firewall_rules(FirewallRuleGroupId=group, Action="ALERT")["FirewallRules"]) == 2
    dns.delete_firewall_rule(FirewallRuleGroupId=group, FirewallDomainListId=first)
    dns.delete_firewall_domain_list(FirewallDomainListId=first)


def test_what_the_lab_begins_with(dns):
    groups = dns.list_firewall_rule_groups()["FirewallRuleGroups"]
    assert GROUP in [each["Id"] for each in groups]
    there = dns.list_firewall_rule_group_associations(FirewallRuleGroupId=GROUP)["FirewallRuleGroupAssociations"]
    assert [each["Status"] for each in there] == ["COMPLETE"]
    assert dns.list_firewall_rule_group_associations(VpcId="vpc-2")["FirewallRuleGroupAssociations"] == []
    refused("ResourceNotFoundException", dns.get_firewall_rule_group, FirewallRuleGroupId="rslvr-frg-none")
    assert len(dns.list_firewall_domain_lists(MaxResults=1)["FirewallDomainLists"]) <= 1


def test_the_accounts_quota_counts_all_lists(dns):
    dns.update_firewall_domains(
        FirewallDomainListId=make_list(dns, "beside")["Id"], Operation="ADD", Domains=["one.example"]
    )
    made = [make_list(dns, f"full {i}")["Id"] for i in range(2)]
    for i in range(100):
        batch = [f"n{i}-{j}.example" for j in range(1000)]
        call = {"FirewallDomainListId": made[i % 2], "Operation": "ADD", "Domains": batch}
        if i == 99:
            refused("LimitExceededException", dns.update_firewall_domains, **call)
        else:
            dns.update_firewall_domains(**call)
    for each in made:
        dns.delete_firewall_domain_list(FirewallDomainListId=each)
