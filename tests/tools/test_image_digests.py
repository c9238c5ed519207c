"""Digests are asked of a registry that is not believed, and written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from declarations import PROJECT

from tools import image_digests

INDEX = json.dumps({"schemaVersion": 2, "mediaType": image_digests.KINDS[0], "manifests": []}).encode()
DIGEST = f"sha256:{hashlib.sha256(INDEX).hexdigest()}"


@dataclass
class Registry:
    """A registry on loopback that wants a token, as Docker Hub does, and can be made to lie."""

    port: int = 0
    body: bytes = INDEX
    head: str = ""
    realm: str = ""
    leads_to: str = ""
    drips: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)

    def image(self, name: str = "robots/thing:1") -> str:
        return f"127.0.0.1:{self.port}/{name}"


class Handler(BaseHTTPRequestHandler):
    """Answers as its registry says."""

    made: Registry

    def do_GET(self) -> None:
        login = self.headers.get("Authorization", "")
        self.made.asked.append((self.path, login))
        if self.path.startswith("/token"):
            self.answer(200, json.dumps({"token": "t0ken"}).encode())
        elif login != "Bearer t0ken":
            challenge = f'Bearer realm="{self.made.realm}",service="here",scope="repository:everything:push"'
            self.answer(401, b"", ("WWW-Authenticate", challenge))
        elif self.made.leads_to:
            self.answer(307, b"", ("Location", self.made.leads_to))
        elif "/manifests/1" in self.path:
            self.answer(200, self.made.body, ("Docker-Content-Digest", self.made.head))
        else:
            self.answer(404, b"")

    def answer(self, code: int, body: bytes, *more: tuple[str, str]) -> None:
        self.send_response(code)
        for name, value in (*more, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        if self.made.drips and code == 200 and not self.path.startswith("/token"):
            for byte in body:
                self.wfile.write(bytes([byte]))
                time.sleep(0.1)
        else:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def registry() -> Iterator[Registry]:
    made = Registry()
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Its", (Handler,), {"made": made})) as server:
        server.daemon_threads = True
        made.port = server.server_address[1]
        made.realm = f"http://127.0.0.1:{made.port}/token"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield made
        server.shutdown()


def ran(path: Path, *images: str) -> subprocess.CompletedProcess[str]:
    argv: list[str | Path] = [sys.executable, PROJECT / "tools" / "image_digests.py", path, *images]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_a_digest_is_asked_for_and_written_for_the_inventory(tmp_path: Path, registry: Registry) -> None:
    path, image = tmp_path / "all" / "digests.yml", registry.image()
    done = ran(path, image)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{image}: {DIGEST} (was none)\n"
    assert yaml.safe_load(path.read_text()) == {"robot_stack_image_digests": {image: DIGEST}}
    assert registry.asked[1][0] == "/token?service=here&scope=repository%3Arobots%2Fthing%3Apull"
    registry.body = INDEX + b"\n"
    done = ran(path)  # what the file names is renewed
    assert f"(was {DIGEST})" in done.stdout
    assert yaml.safe_load(path.read_text())["robot_stack_image_digests"][image] != DIGEST


def test_what_is_there_stays_where_one_image_cannot_be_asked_for(tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "digests.yml"
    ran(path, registry.image())
    before = path.read_bytes()
    registry.body = INDEX + b"\n"
    done = ran(path, registry.image(), registry.image("robots/other:2"))
    assert done.returncode == 1
    assert (
        f"{registry.image('robots/other:2')}: 127.0.0.1:{registry.port} gives no digest (HTTP Error 404" in done.stderr
    )
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_with_other_variables_is_left_alone(tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "digests.yml"
    path.write_text("robot_stack_image_digests: {}\nmine: 1\n")
    assert "holds something else" in ran(path, registry.image()).stderr
    assert registry.asked == []


LIES: dict[str, dict[str, str | bytes]] = {
    "a digest that is not that of the answer": {"head": f"sha256:{'0' * 64}"},
    "no manifest": {"body": b"[]"},
    "no JSON": {"body": b"<html>"},
    "5 MiB": {"body": b" " * (5 << 20)},
    "another host": {"leads_to": "http://127.0.0.1:9/v2/x"},
    "a token from a place without TLS": {"realm": "http://token.invalid/token"},
    "a token from a file": {"realm": "file:///etc/passwd"},
    "no realm": {"realm": ""},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_registry_that_lies_gives_no_digest(registry: Registry, lie: str) -> None:
    for name, value in LIES[lie].items():
        setattr(registry, name, value)
    with pytest.raises(image_digests.DigestError, match="gives no digest"):
        image_digests.digest(registry.image())


def test_an_answer_without_end_is_given_up(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.drips, registry.body = True, INDEX * 100
    monkeypatch.setattr(image_digests, "SECONDS", 1.0)
    with pytest.raises(image_digests.DigestError, match="took longer than 1 s"):
        image_digests.digest(registry.image())


@pytest.mark.parametrize("image", ["alpine", "alpine:", "../alpine:1", "alpine:3 x", "a/../b:1", "Alpine:1", "-x:1"])
def test_what_is_no_image_is_asked_of_nobody(image: str) -> None:
    with pytest.raises(image_digests.DigestError, match="is no image with a tag"):
        image_digests.digest(image)


@pytest.mark.parametrize(
    ("image", "place"),
    [
        ("alpine:3.23", (image_digests.HUB, "library/alpine", "3.23")),
        ("victoriametrics/vmagent:v1", (image_digests.HUB, "victoriametrics/vmagent", "v1")),
        ("quay.io/a/b/c:1", ("quay.io", "a/b/c", "1")),
        ("localhost:5000/a:1", ("localhost:5000", "a", "1")),
    ],
)
def test_where_an_image_is(image: str, place: tuple[str, str, str]) -> None:
    assert image_digests.REFERENCE.fullmatch(image)
    assert image_digests.place(image) == place


def test_every_image_that_this_project_pulls_is_known() -> None:
    versions = (PROJECT / "testbed" / "versions.sh").read_text(encoding="utf-8")
    command = "source testbed/versions.sh; set | grep -E '^[a-z]+_image='; printf '=%s\\n' \"${cluster_images[@]}\""
    named = subprocess.run(["bash", "-c", command], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    testbed = {line.partition("=")[2].strip("'") for line in named.splitlines()}
    hub = next(line for line in versions.splitlines() if line.startswith("hub_database_version="))
    assert set(image_digests.pulled()) == testbed | {f"victoriametrics/victoria-metrics:{hub.partition('=')[2]}"}
