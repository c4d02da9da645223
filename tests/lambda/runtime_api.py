"""Lambda's Runtime API for one function at a time (docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), and what functions
are called with."""

import http.server
import json
import queue
import sys
import threading
import time

ACCOUNT = "111122223333"
PRODUCT = "arn:aws:securityhub:us-east-1:517716713836:product/crowdstrike/crowdstrike-falcon"


class RuntimeApi:
    """`invoke` gives an event to the function that polls, and returns its answer."""

    def __init__(self):
        self.events, self.answers = queue.Queue(), queue.Queue()
        self.init_error, self.first_poll = None, None
        self.polled, self.served = threading.Event(), 0
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def reply(self, status, body=b"{}", **headers):
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                assert self.path == "/2018-06-01/runtime/invocation/next", self.path
                if api.first_poll is None:
                    api.first_poll = time.monotonic()
                api.polled.set()
                number, event = api.events.get()
                if event is None:
                    self.close_connection = True
                    return
                self.reply(
                    200,
                    event,
                    Lambda_Runtime_Aws_Request_Id=f"request-{number}",
                    Lambda_Runtime_Deadline_Ms=str(int((time.time() + 30) * 1000)),
                    Lambda_Runtime_Invoked_Function_Arn=f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:intelwall-respond",
                    Lambda_Runtime_Trace_Id="Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0",
                )

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                what = self.path.removeprefix("/2018-06-01/runtime/")
                answer = (what, json.loads(body), self.headers.get("Lambda-Runtime-Function-Error-Type"))
                if what == "init/error":
                    api.init_error = answer
                    api.polled.set()
                else:
                    api.answers.put(answer)
                self.reply(202)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                if not isinstance(sys.exc_info()[1], ConnectionError):  # functions are killed
                    super().handle_error(request, client_address)

        self.server = Server(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def invoke(self, event, timeout=60):
        """(path, answer, error type) of the call."""
        self.served += 1
        self.events.put((self.served, event if isinstance(event, bytes) else json.dumps(event).encode()))
        path, answer, error_type = self.answers.get(timeout=timeout)
        assert path.startswith(f"invocation/request-{self.served}/"), path
        return path.rpartition("/")[2], answer, error_type

    def end(self):
        self.events.put((0, None))
        self.server.shutdown()
        self.server.server_close()


def finding(number, domain):
    return {
        "SchemaVersion": "2018-10-08",
        "Id": f"crowdstrike:lambda:{number}",
        "ProductArn": PRODUCT,
        "GeneratorId": "Falcon Host",
        "AwsAccountId": ACCOUNT,
        "CreatedAt": "2026-11-20T10:00:00Z",
        "UpdatedAt": "2026-11-20T10:00:00Z",
        "Severity": {"Label": "HIGH"},
        "Types": ["TTPs/Command and Control"],
        "Title": "Falcon Alert. Instance: i-0a1b2c3d4e5f60718",
        "Description": "a detection",
        "Resources": [{"Type": "AwsEc2Instance", "Id": "i-0a1b2c3d4e5f60718"}],
        "ProductFields": {
            "crowdstrike/crowdstrike-falcon/IOCType": "domain",
            "crowdstrike/crowdstrike-falcon/IOCValue": domain,
        },
    }


def pressed(*findings):
    """The event that Security Hub sends when a responder presses "intelwall block"."""
    return {
        "version": "0",
        "detail-type": "Security Hub Findings - Custom Action",
        "source": "aws.securityhub",
        "account": ACCOUNT,
        "region": "us-east-1",
        "resources": [f"arn:aws:securityhub:us-east-1:{ACCOUNT}:action/custom/intelwallblock"],
        "detail": {"actionName": "intelwall block", "findings": list(findings)},
    }
