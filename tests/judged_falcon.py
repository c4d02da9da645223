"""The lab's Falcon endpoint in a process of its own (judge_falcon), for judges from outside."""

import subprocess

import requests
from falconpy import OAuth2

CLIENT_ID = "1ab1ab1ab1ab1ab1ab1ab1ab1ab1ab1a"


class JudgedFalcon:
    """`arguments` are those of judge_falcon behind the secret: partitions, refresh seconds, token seconds, indicators."""

    def __init__(self, program, *arguments, secret="judge-secret"):
        self.process = subprocess.Popen(
            [program, secret, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
        self.base_url = f"http://127.0.0.1:{self.process.stdout.readline().split()[1]}"
        self.keys = {"client_id": CLIENT_ID, "client_secret": secret, "base_url": self.base_url}
        self.token = OAuth2(**self.keys).token()["body"]["access_token"]

    @property
    def env(self):
        """What intelwall takes of it from the environment."""
        return {"FALCON_BASE_URL": self.base_url, "FALCON_CLIENT_ID": CLIENT_ID,
                "FALCON_CLIENT_SECRET": self.keys["client_secret"], "no_proxy": "127.0.0.1"}  # fmt: skip

    def lab(self, name, **body):
        """A call to the lab's own routes; its resources."""
        answer = requests.post(
            f"{self.base_url}/lab/falcon/{name}", json=body, headers={"Authorization": f"Bearer {self.token}"}, timeout=60)  # fmt: skip
        assert answer.status_code == 200, answer.text
        return answer.json()["resources"]

    def end(self):
        self.process.stdin.close()
        assert self.process.wait(timeout=10) == 0
