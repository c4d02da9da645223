"""Our Secrets Manager client reads what boto3 stored in moto."""

from test_security_hub_moto import boto, call  # noqa: F401 (fixtures)


def test_a_secret_is_read_by_name_and_arn_in_its_current_version(boto, call):  # noqa: F811
    secrets = boto("secretsmanager")
    arn = secrets.create_secret(Name="intelwall/falcon", SecretString="old")["ARN"]
    secrets.put_secret_value(SecretId=arn, SecretString='{"client_id": "ünïcødé"}')
    for name in ("intelwall/falcon", arn):
        assert call("secret_value", id=name) == {"ok": '{"client_id": "ünïcødé"}'}
    secrets.create_secret(Name="bytes", SecretBinary=b"x")
    assert call("secret_value", id="bytes")["error"]["code"] == "invalid_input"
    assert call("secret_value", id="none")["error"]["code"] == "not_found"
