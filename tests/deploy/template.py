"""A CloudFormation template as CloudFormation reads it before it makes anything: parameters checked, rules asserted,
conditions decided, and values resolved as far as they depend on nothing that must be made first."""

import ipaddress
import pathlib
import re

import yaml

DIRECTORY = pathlib.Path(__file__).parents[2] / "deploy/cloudformation"
ACCOUNT = "111122223333"
PARTITIONS = {"us-east-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"}
NO_VALUE = object()


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, and without aliases, which CloudFormation does not take."""

    def compose_node(self, parent, index):
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ValueError(f"CloudFormation takes no anchors and aliases: {event.start_mark}")
        return super().compose_node(parent, index)


def _short_form(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", _short_form)


class Template:
    def __init__(self, name):
        self.path = DIRECTORY / name
        self.text = self.path.read_text()
        self.body = yaml.load(self.text, Loader)
        self.parameters = self.body["Parameters"]
        self.resources = self.body["Resources"]

    def refusals(self, region="us-east-1", **given):
        """Why CloudFormation would not begin: a line for each parameter and rule. Empty: it begins."""
        out = []
        values = {name: str(given.get(name, about.get("Default", NO_VALUE))) for name, about in self.parameters.items()}
        for name in given:
            assert name in self.parameters, f"there is no parameter {name}"
        for name, about in self.parameters.items():
            if name not in given and "Default" not in about:
                out.append(f"{name} must have a value")
                continue
            parts = values[name].split(",") if about["Type"] == "CommaDelimitedList" else [values[name]]
            if not all(_allowed(about, part) for part in parts):
                out.append(f"{name}: {about.get('ConstraintDescription', 'not allowed')}")
        if not out:
            resolved = Resolved(self, region, **given)
            for rule in self.body.get("Rules", {}).values():
                if "RuleCondition" in rule and not resolved.test(rule["RuleCondition"]):
                    continue
                out += [each["AssertDescription"] for each in rule["Assertions"] if not resolved.test(each["Assert"])]
        return out


def _allowed(about, value):
    if about["Type"] == "Number":
        try:
            number = float(value)
        except ValueError:
            return False
        if not about.get("MinValue", number) <= number <= about.get("MaxValue", number):
            return False
    if "AllowedValues" in about and value not in map(str, about["AllowedValues"]):
        return False
    if len(value) > about.get("MaxLength", len(value)):
        return False
    return "AllowedPattern" not in about or re.fullmatch(about["AllowedPattern"], value) is not None


class Resolved:
    """The template with values. What must be made first is ${Resource} or ${Resource.Attribute}."""

    def __init__(self, template, region="us-east-1", **given):
        self.template = template
        self.values = {
            name: given.get(name, about.get("Default", "")) for name, about in template.parameters.items()
        }
        for name, about in template.parameters.items():
            if about["Type"] == "CommaDelimitedList" and isinstance(self.values[name], str):
                self.values[name] = self.values[name].split(",")
        partition = PARTITIONS[region]
        self.values |= {
            "AWS::Region": region,
            "AWS::Partition": partition,
            "AWS::AccountId": ACCOUNT,
            "AWS::StackName": "stack",
            "AWS::URLSuffix": "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com",
            "AWS::NoValue": NO_VALUE,
        }

    def test(self, condition):
        (kind, value) = next(iter(condition.items()))
        if kind == "Condition":
            return self.test(self.template.body["Conditions"][value])
        if kind == "Fn::Equals":
            return str(self(value[0])) == str(self(value[1]))
        if kind == "Fn::Not":
            return not self.test(value[0])
        if kind == "Fn::And":
            return all(map(self.test, value))
        if kind == "Fn::Or":
            return any(map(self.test, value))
        if kind == "Fn::Contains":
            return self(value[1]) in map(self, value[0])
        raise NotImplementedError(kind)

    def resources(self):
        """name → resource, of those whose condition holds."""
        return {
            name: self(resource)
            for name, resource in self.template.resources.items()
            if "Condition" not in resource or self.test({"Condition": resource["Condition"]})
        }

    def __call__(self, node):
        if isinstance(node, list):
            return [value for value in map(self, node) if value is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (kind, value) = next(iter(node.items()))
            if kind == "Ref":
                return self.values.get(value, f"${{{value}}}")
            if kind == "Fn::GetAtt":
                return f"${{{'.'.join(value)}}}"
            if kind == "Fn::Sub":
                return self._sub(value)
            if kind == "Fn::If":
                return self(value[1] if self.test({"Condition": value[0]}) else value[2])
            if kind == "Fn::Join":
                return self(value[0]).join(map(str, self(value[1])))
            if kind == "Fn::Split":
                return self(value[1]).split(value[0])
            if kind == "Fn::Select":
                return self(value[1])[int(value[0])]
            if kind == "Fn::FindInMap":
                (name, first, second) = map(self, value)
                return self.template.body["Mappings"][name][first][second]
            if kind == "Fn::GetAZs":
                return [f"{self.values['AWS::Region']}{zone}" for zone in "abc"]
            if kind == "Fn::Cidr":
                (block, count, bits) = map(self, value)
                subnets = ipaddress.ip_network(block).subnets(new_prefix=32 - bits)
                return [str(each) for each, _ in zip(subnets, range(count))]
            if kind == "Fn::Base64":
                return self(value)
            if kind.startswith("Fn::"):
                raise NotImplementedError(kind)
        out = {key: self(value) for key, value in node.items()}
        return {key: value for key, value in out.items() if value is not NO_VALUE}

    def _sub(self, value):
        (text, more) = (value, {}) if isinstance(value, str) else (value[0], value[1])
        known = {name: self(each) for name, each in more.items()}
        known |= {name: each for name, each in self.values.items() if name not in known}
        return re.sub(r"\$\{([^!}]+)\}", lambda hit: str(known.get(hit[1], hit[0])), text)
