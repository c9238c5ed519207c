"""Questions to the hub over the network, asked by a robot's own Python. What they hold travels on standard input."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from typing import Any

HUB = "https://hub:8427"
ASK = """
import base64, json, ssl, sys, urllib.error, urllib.request
asked = json.load(sys.stdin)
request = urllib.request.Request(asked["base"] + asked["path"], method=asked["method"])
if asked["body"] is not None:
    request.data = base64.b64decode(asked["body"]) if asked["encoded"] else asked["body"].encode()
    request.method = "POST"
if asked["user"]:
    words = base64.b64encode((asked["user"] + ":" + asked["password"]).encode()).decode()
    request.add_header("Authorization", "Basic " + words)
try:
    trusted = ssl.create_default_context(cadata=asked["authority"])
    with urllib.request.urlopen(request, timeout=60, context=trusted) as page:
        print(json.dumps({"status": page.status, "body": page.read().decode()}))
except urllib.error.HTTPError as refused:
    print(json.dumps({"status": refused.code, "body": refused.read().decode()}))
except (OSError, ValueError) as error:
    print(json.dumps({"status": 0, "body": repr(error)}))
"""


@dataclass(frozen=True)
class Question:
    """One request; with a body it is a POST. A body that is no text is ``encoded`` in base64."""

    path: str
    authority: str
    user: str = ""
    password: str = ""
    body: str | None = None
    base: str = HUB
    method: str = "GET"
    encoded: bool = False


@dataclass(frozen=True)
class Answer:
    """What came back; status 0 is none at all, and then ``body`` says why."""

    status: int
    body: str

    def series(self) -> list[dict[str, Any]]:
        """Return the result of a query."""
        found: list[dict[str, Any]] = json.loads(self.body)["data"]["result"]
        return found


def ask(robot: Any, question: Question) -> Answer:
    """Have ``robot`` ask."""
    program = base64.b64encode(ASK.encode()).decode()
    words = base64.b64encode(json.dumps(asdict(question)).encode()).decode()
    run = f"python3 -c \"import base64; exec(base64.b64decode('{program}'))\""
    return Answer(**json.loads(robot.run(f"echo {words} | base64 -d | {run}")))
