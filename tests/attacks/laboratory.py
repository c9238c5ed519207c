"""A hub on this machine, to be attacked: its containers as the role makes them, in its limits, in a network of its own.

Only what a container of the hub would have is here: nothing listens on this machine but one port of loopback, and what
was started is removed. Needs a container engine and root (a container's data belongs to its user).
"""

from __future__ import annotations

import base64
import json
import shutil
import ssl
import tempfile
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.client import HTTPException, HTTPSConnection
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import docker
from attacks.containers import LABEL, PATIENCE_SECONDS, Answer, ended, last_words, peak, start, until
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from benchmarks import product

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

IMAGE = "python:3.13-alpine3.23"  # holds the network, and asks from within it
DATABASE, ENTRY_POINT, ALERTS = "telemetry_hub_victoriametrics", "telemetry_hub_vmauth", "telemetry_hub_vmalert"
READER = "reader"
Labels = dict[str, str]


@dataclass
class Hub:
    """A hub while it runs. ``variables`` are what its inventory would say, ``instead`` replaces parts of each spec."""

    robots: list[str] = field(default_factory=lambda: ["rogue", "honest"])
    variables: dict[str, Any] = field(default_factory=dict)
    services: tuple[str, ...] = (DATABASE, ENTRY_POINT)
    instead: dict[str, Any] = field(default_factory=dict)
    containers: dict[str, Container] = field(default_factory=dict)

    def __enter__(self) -> Hub:
        """Start it and wait until it answers. Raises AssertionError."""
        self.engine: DockerClient = docker.from_env()
        self.folder = Path(tempfile.mkdtemp(prefix="attacked-hub-"))
        self.folder.chmod(0o755)
        self.certificate, key = own_certificate()
        self.passwords = {name: f"password-of-{name}" for name in [*self.robots, READER]}
        self.written = {
            "telemetry_hub_robots": self.robots,
            "telemetry_hub_robot_passwords": {name: self.passwords[name] for name in self.robots},
            "telemetry_hub_reader_password": self.passwords[READER],
            "telemetry_hub_database_password": "password-of-the-database",
            "inventory_hostname": "hub",
            "telemetry_hub_tls_certificate": self.certificate,
            "telemetry_hub_tls_key": key,
            "telemetry_hub_min_free_disk_mib": 64,
            "telemetry_hub_listen_address": "0.0.0.0:8427",
            **self.variables,
        }
        try:
            self._begin()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove it, and what it wrote."""
        for container in [*self.containers.values(), *([self.network] if hasattr(self, "network") else [])]:
            container.remove(force=True, v=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _begin(self) -> None:
        run: Any = self.engine.containers.run
        self.network: Container = run(
            IMAGE, ["sleep", "3600"], ports={"8427/tcp": ("127.0.0.1", None)}, labels={LABEL: "network"}, detach=True
        )
        self.network.reload()
        self.port = int(self.network.ports["8427/tcp"][0]["HostPort"])
        for name in self.services:
            self.containers[name] = self._start(name)
        until(lambda: self.ask(READER, "/api/v1/query?query=1").status == 200, "the hub answers", self._last_words)

    def deploy(self, name: str, **variables: Any) -> None:
        """Make a container anew for what the inventory says now, as a run does."""
        self.written.update(variables)
        self.certificate = self.written["telemetry_hub_tls_certificate"]
        if name in self.containers:
            before = self.containers.pop(name)
            before.stop(timeout=int(PATIENCE_SECONDS))
            before.remove(v=True)
        self.containers[name] = self._start(name)

    def _start(self, name: str) -> Container:
        spec = {**product.service(name, **self.written), **self.instead}
        return start(spec, self.folder / name, network_mode=f"container:{self.network.id}")

    def _last_words(self) -> str:
        return "\n".join(map(last_words, self.containers.values()))

    def ended(self) -> dict[str, str]:
        """Return which containers do not run any more, and why."""
        return {name: why for name, one in self.containers.items() if (why := ended(one))}

    def peak(self, name: str) -> float:
        """Return the most memory that a running container has had, in MiB."""
        return peak(self.containers[name])

    def connection(self, timeout: float = PATIENCE_SECONDS) -> HTTPSConnection:
        """Return a connection to vmauth."""
        trusted = ssl.create_default_context(cadata=self.certificate)
        return HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=trusted)

    def headers(self, user: str, password: str | None = None) -> dict[str, str]:
        """Return the headers with which ``user`` writes."""
        words = base64.b64encode(f"{user}:{password or self.passwords[user]}".encode()).decode()
        kind = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
        return {"Authorization": f"Basic {words}", **kind}

    def ask(self, user: str, path: str, body: bytes | None = None, **more: Any) -> Answer:
        """Ask vmauth, or send it something."""
        begun = time.monotonic()
        connection = self.connection(more.pop("timeout", PATIENCE_SECONDS))
        try:
            connection.request("POST" if body is not None else "GET", path, body, self.headers(user, **more))
            page = connection.getresponse()
            return Answer(page.status, page.read(), time.monotonic() - begun)
        except (OSError, HTTPException) as error:
            return Answer(0, repr(error).encode(), time.monotonic() - begun)
        finally:
            connection.close()

    def write(self, user: str, block: bytes) -> Answer:
        """Send a block as a robot's agent does."""
        return self.ask(user, "/api/v1/write", block)

    def query(self, expression: str) -> list[tuple[Labels, float]]:
        """Return what the reader sees now, by labels. Raises AssertionError."""
        answer = self.ask(READER, f"/api/v1/query?query={quote(expression)}&nocache=1&latency_offset=1ms")
        assert answer.status == 200, answer
        found = json.loads(answer.body)["data"]["result"]
        return [(series["metric"], float(series["value"][1])) for series in found]

    def within(self, program: str) -> tuple[int, str]:
        """Run a Python program beside the hub's containers, in their network, as a local user would."""
        done: Any = self.network.exec_run(["python3", "-c", program], user="12345:12345")
        return int(done.exit_code), str(done.output.decode(errors="replace"))


def own_certificate() -> tuple[str, str]:
    """Return a certificate for loopback, and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "attacked hub")])
    now = datetime.now(timezone.utc)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(x509.random_serial_number())
    built = built.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=3))
    built = built.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    certificate = built.sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()
