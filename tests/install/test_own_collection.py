"""A role of somebody else's collection, installed beside ours, is a service by its full name."""

from __future__ import annotations

import how_to
import pytest
from install.stranger import COLLECTION, PULLED, Stranger, build

GALAXY = "{namespace: acme, name: fleet, version: 1.0.0, readme: README.md, authors: [acme]}\n"
LIMIT = "my_service_memory_limit_mib"
# PULLED ends with the digests of images.
DECLARED = f"""{PULLED.rstrip()}
  robots/my-service:1: sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd
robot_stack_services: [sensor_service, victoriametrics, acme.fleet.my_service]
"""


@pytest.fixture(scope="module")
def collections(stranger: Stranger, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return where collections are: ours, and acme.fleet with the role of docs/adding-a-service.md."""
    source, place = tmp_path_factory.mktemp("acme"), tmp_path_factory.mktemp("collections")
    how_to.write_roles(source / "roles")
    (source / "galaxy.yml").write_text(GALAXY, encoding="utf-8")
    (source / "README.md").write_text("# Robots of acme\n", encoding="utf-8")
    archive = build(source, tmp_path_factory.mktemp("dist"))
    done = stranger.run("ansible-galaxy", "collection", "install", archive, "-p", place, "--offline")
    assert done.returncode == 0, done.stdout + done.stderr
    return f"{stranger.collections}:{place}"


@pytest.mark.parametrize(
    ("limit", "code", "told"),
    [(32, 4, "UNREACHABLE!"), (77, 2, f"victoriametrics_memory_limit_mib 64 + {LIMIT} 77 = 301 MiB")],
)
def test_its_limit_counts_in_the_sum(stranger: Stranger, collections: str, limit: int, code: int, told: str) -> None:
    fleet = stranger.inventory(f"{DECLARED}{LIMIT}: {limit}\n", name=f"acme-{limit}")
    settings = {"ANSIBLE_COLLECTIONS_PATH": collections, "ANSIBLE_SSH_EXECUTABLE": "/bin/false"}
    done = stranger.run("ansible-playbook", f"{COLLECTION}.preflight", "-i", fleet, **settings)
    assert done.returncode == code, done.stdout + done.stderr
    assert told in done.stdout
