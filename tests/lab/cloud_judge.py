"""What the Python judges of the lab's cloud share: the cloud itself, clients for it, and a check of every answer against
botocore's service models."""

import base64
import datetime
import json
import re
import subprocess
import xml.etree.ElementTree

import boto3
import botocore.config
import botocore.parsers
import botocore.utils

REGION = "us-east-1"
ACCOUNT = "111122223333"
KEY = "AKIALABLABLABLABLAB1"
SECRET = "judge/secret+key"

# Errors that AWS's front end gives for every service ("Common Errors" in each API reference).
COMMON_ERRORS = {
    "IncompleteSignatureException", "InvalidSignatureException", "MissingAuthenticationTokenException",
    "UnrecognizedClientException", "UnknownOperationException", "SerializationException", "ValidationException",
    "ThrottlingException", "InternalServerError", "RequestEntityTooLargeException",
    # STS, over the query protocol
    "InvalidClientTokenId", "SignatureDoesNotMatch", "InvalidAction",
    # SQS, of which the model names none for bad parameters
    "InvalidParameterValueException", "MissingRequiredParameterException",
}  # fmt: skip

# Network Firewall keys Config by ARN; the model says a name (a fault of the model, not of the lab).
LOOSE_KEYS = {"SyncStateConfig"}


class Shapes:
    """Walks a raw answer along a shape and collects how it departs from it."""

    def __init__(self):
        self.problems = []

    def say(self, path, text):
        self.problems.append(f"{path}: {text}")

    def walk(self, shape, value, path):
        getattr(self, "walk_" + shape.type_name, self.walk_other)(shape, value, path)

    def walk_structure(self, shape, value, path):
        if not isinstance(value, dict):
            return self.say(path, f"{type(value).__name__} is no structure")
        for name in shape.required_members:
            if name not in value:
                self.say(path, f"required member {name} is missing")
        for name, member in value.items():
            if name not in shape.members:
                self.say(path, f"unknown member {name}")
            elif member is None:
                self.say(path, f"member {name} is null")
            else:
                self.walk(shape.members[name], member, f"{path}.{name}")

    def walk_list(self, shape, value, path):
        if not isinstance(value, list):
            return self.say(path, f"{type(value).__name__} is no list")
        self.bounds(shape, len(value), path)
        for i, member in enumerate(value):
            self.walk(shape.member, member, f"{path}[{i}]")

    def walk_map(self, shape, value, path):
        if not isinstance(value, dict):
            return self.say(path, f"{type(value).__name__} is no map")
        for key, member in value.items():
            if shape.name not in LOOSE_KEYS:
                self.walk(shape.key, key, f"{path}.key")
            self.walk(shape.value, member, f"{path}.{key}")

    def walk_string(self, shape, value, path):
        if not isinstance(value, str):
            return self.say(path, f"{type(value).__name__} is no string")
        self.bounds(shape, len(value), path)
        if getattr(shape, "enum", None) and value not in shape.enum:
            self.say(path, f"{value!r} is none of {shape.enum}")
        pattern = shape.metadata.get("pattern")
        if pattern and "\\p{" not in pattern and not re.search(pattern, value):
            self.say(path, f"{value!r} does not match {pattern}")

    def walk_integer(self, shape, value, path):
        if not isinstance(value, int) or isinstance(value, bool):
            return self.say(path, f"{value!r} is no integer")
        self.bounds(shape, value, path)

    walk_long = walk_integer

    def walk_boolean(self, shape, value, path):
        if not isinstance(value, bool):
            self.say(path, f"{value!r} is no boolean")

    def walk_timestamp(self, shape, value, path):
        if not isinstance(value, (int, float, datetime.datetime)) and not shape.serialization.get("timestampFormat"):
            return self.say(path, f"{value!r} is not in seconds")
        if isinstance(value, datetime.datetime):
            return  # CBOR has a tag for times
        try:
            botocore.utils.parse_timestamp(value)
        except (TypeError, ValueError) as fault:
            self.say(path, f"{value!r} is no timestamp: {fault}")

    def walk_other(self, shape, value, path):
        self.say(path, f"the judge does not know the type {shape.type_name}")

    def bounds(self, shape, size, path):
        if size < shape.metadata.get("min", size) or size > shape.metadata.get("max", size):
            self.say(path, f"{size} is not from {shape.metadata.get('min')} to {shape.metadata.get('max')}")


    def walk_blob(self, shape, value, path):
        try:
            base64.b64decode(value, validate=True)
        except (TypeError, ValueError) as fault:
            self.say(path, f"{value!r} is no base64: {fault}")

    def walk_xml(self, shape, element, path):
        """An element of S3's XML along a shape."""
        text = element.text or ""
        if shape.type_name == "structure":
            self.walk_xml_members(shape, element, path)
        elif shape.type_name == "list":
            for item in element:
                self.walk_xml(shape.member, item, f"{path}[]")
        elif shape.type_name in ("integer", "long"):
            self.walk_integer(shape, int(text), path) if text.isdigit() else self.say(path, f"{text!r} is no integer")
        elif shape.type_name == "timestamp":
            re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text) or self.say(path, f"{text!r} is no time")
        elif shape.type_name == "boolean":
            text in ("true", "false") or self.say(path, f"{text!r} is no boolean")
        else:
            self.walk(shape, text, path)

    def walk_xml_members(self, shape, element, path):
        members = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        for each in element:
            tag = each.tag.split("}")[-1]
            if tag not in members:
                self.say(path, f"unknown element {tag}")
            elif members[tag].type_name == "list" and members[tag].serialization.get("flattened"):
                self.walk_xml(members[tag].member, each, f"{path}.{tag}[]")
            else:
                self.walk_xml(members[tag], each, f"{path}.{tag}")


def judge_xml(walker, operation_model, response_dict):
    """S3: bytes that are an object's are its own; all else is XML of the model, or an error with a code and words."""
    body, failed = response_dict["body"], response_dict["status_code"] >= 300
    output = operation_model.output_shape
    if operation_model.http["method"] == "HEAD" or (not failed and (output is None or output.serialization.get("payload"))):
        return
    if not body and not failed:
        return
    root = xml.etree.ElementTree.fromstring(body)
    if not failed:
        return walker.walk_xml(output, root, operation_model.name)
    for name in ("Code", "Message", "RequestId"):
        if not root.findtext(name):
            walker.say(operation_model.name, f"the error has no {name}")


def decode(operation, body):
    protocol = operation.service_model.resolved_protocol
    if protocol == "smithy-rpc-v2-cbor":
        return botocore.parsers.create_parser(protocol)._initial_body_parse(body) if body else {}
    return json.loads(body) if body else {}


def judge_answer(operation_model, response_dict, **_):
    """Raises AssertionError where an answer is not what the model allows."""
    if operation_model.service_model.resolved_protocol == "query":
        return  # XML: botocore's own parser takes it apart by the model
    walker = Shapes()
    if operation_model.service_model.resolved_protocol == "rest-xml":
        judge_xml(walker, operation_model, response_dict)
        assert not walker.problems, "\n".join(walker.problems)
        return
    body = decode(operation_model, response_dict["body"])
    if response_dict["status_code"] < 300:
        if operation_model.output_shape is not None:
            walker.walk(operation_model.output_shape, body, operation_model.name)
    else:
        headers = response_dict["headers"]
        name = body.get("__type", headers.get("x-amzn-errortype", "")).split("#")[-1]
        modelled = {shape.name: shape for shape in operation_model.error_shapes}
        content = {key: value for key, value in body.items() if key != "__type"}
        if name in modelled and not modelled[name].members:
            content.pop("message", None)  # sent by AWS though the model gives the error no members
        if name in modelled:
            walker.walk(modelled[name], content, name)
        elif name not in COMMON_ERRORS:
            walker.say(operation_model.name, f"error {name!r} is neither in the model nor a common one")
        elif not any(content.get(key) for key in ("message", "Message")):
            walker.say(operation_model.name, f"error {name} says nothing")
    assert not walker.problems, "\n".join(walker.problems)


class JudgedCloud:
    """A running judge_cloud and the clients for it."""

    def __init__(self, program, *arguments):
        self.process = subprocess.Popen(
            [program, SECRET, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        line = self.process.stdout.readline().split()
        assert line[:1] == ["port"], line
        self.url = f"http://127.0.0.1:{line[1]}"
        self.judged = 0

    def client(self, service, secret=SECRET, key=KEY, protocol=None):
        session = boto3.Session(key, secret, region_name=REGION)
        if protocol:  # the same model, spoken another way
            loader = session._session.get_component("data_loader")
            model = loader.load_service_model(service, "service-2")
            model["metadata"]["protocols"] = [protocol]
            model["metadata"]["protocol"] = protocol
        client = session.client(
            service, endpoint_url=self.url, config=botocore.config.Config(retries={"total_max_attempts": 1})
        )
        client.meta.events.register("before-parse", self.judge)
        return client

    def judge(self, **arguments):
        self.judged += 1
        judge_answer(**arguments)

    def environment(self):
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,  # what version 1 of the AWS CLI reads
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_PAGER": "",
            "AWS_MAX_ATTEMPTS": "1",
            "INTELWALL_STATE": "none",
            "PATH": "/usr/bin:/bin",
        }

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=20) == 0
