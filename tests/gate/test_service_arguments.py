"""What the robot's module is told of a service: its role's spec, worked out, with its files' content."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images.source import ImageSource
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services import roles
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.arguments import FACT, ServiceArguments
from declarations import PROJECT, catalogue
from own_services import action, variables_of, write_role

DIGESTS = {"acme/lidar-driver:1": "sha256:1"}


def told(playbooks: Path, *entries: Any, extra: dict[str, Any] | None = None, **written: Any) -> list[dict[str, Any]]:
    """Return what the module is told of ``entries`` on a robot that pulls."""
    variables = variables_of(playbooks, **written)
    source = ImageSource(method="pull", digests=dict.fromkeys(_OURS, "sha256:2") | DIGESTS)
    images: Any = SimpleNamespace()
    found = ServiceArguments(action(variables, **(extra or {})), variables, source, images)
    return found.of(found.specs(list(entries)), "present", "amd64")


_OURS = ["robot-stack/sensor-service:0.1.0", "victoriametrics/victoria-metrics:v1.148.8"]


@pytest.fixture
def playbooks(tmp_path: Path) -> Path:
    files: Any = [{"path": "a.txt", "template": "lidar_driver/a.j2"}, {"path": "b.txt", "src": "lidar_driver/b.txt"}]
    role = write_role(tmp_path / "roles" / "lidar_driver", files=files)
    for name, text in (("templates/a.j2", "port {{ lidar_driver_port }}"), ("files/b.txt", "{{ as it is }}")):
        (role / name).parent.mkdir(parents=True)
        (role / name).write_text(text)
    return tmp_path


def test_a_name_becomes_its_roles_spec_and_files(playbooks: Path) -> None:
    (service,) = told(playbooks, "lidar_driver", lidar_driver_port=99)
    assert service["memory_limit_mib"] == 24
    assert service["image"] == {"reference": "acme/lidar-driver@sha256:1"}
    assert [file["content"] for file in service["files"]] == ["port 99", "{{ as it is }}"]


def test_no_robot_is_told_of_a_floor_or_of_what_its_image_is_built_from(playbooks: Path) -> None:
    services = told(playbooks, "sensor_service", "victoriametrics", "lidar_driver")
    assert [service["name"] for service in services] == ["sensor_service", "victoriametrics", "lidar_driver"]
    assert all("memory_floor" not in service and list(service["image"]) == ["reference"] for service in services)


def test_a_spec_may_be_handed_over_as_it_is(playbooks: Path) -> None:
    image = {"reference": "acme/lidar-driver:1"}
    assert told(playbooks, {"name": "any", "image": image})[0]["name"] == "any"


def test_the_command_line_wins_over_a_roles_vars(playbooks: Path) -> None:
    (service,) = told(playbooks, "lidar_driver", extra={"lidar_driver_port": 7}, lidar_driver_port=8)
    assert service["files"][0]["content"] == "port 7"


@pytest.mark.parametrize("name", ["camera_driver", "acme.fleet.camera_driver"])
def test_a_role_that_is_not_there_is_told(playbooks: Path, name: str) -> None:
    with pytest.raises(AnsibleActionFail, match="there is no service"):
        told(playbooks, name)


def test_a_collections_role_finds_its_own_files(playbooks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roles, "of_collection", lambda name: [playbooks] if name == "acme.fleet" else [])
    (service,) = told(playbooks / "elsewhere", "acme.fleet.lidar_driver")
    assert service["files"][0]["content"] == "port 2368"


def test_a_collections_roles_do_not_stand_before_ours(playbooks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = playbooks / "roles" / "victoriametrics" / "templates" / "scrape.yml.j2"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")
    monkeypatch.setattr(roles, "of_collection", lambda _name: [playbooks])
    ours, _ = told(playbooks / "elsewhere", "victoriametrics", "acme.fleet.lidar_driver")
    assert "theirs" not in [file.get("content") for file in ours["files"]]


def test_a_build_context_is_a_roles_or_a_collections(playbooks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roles, "of_collection", lambda name: [playbooks] if name == "acme.fleet" else [])
    (playbooks / "files" / "image").mkdir(parents=True)
    where = [playbooks / "roles"]
    assert roles.file_of("acme.fleet/image", "files", where) == playbooks / "files" / "image"
    assert roles.file_of("lidar_driver/b.txt", "files", where) == where[0] / "lidar_driver" / "files" / "b.txt"
    assert roles.file_of("acme.fleet.lidar_driver/a.j2", "templates", where) is not None
    assert roles.file_of("lidar_driver/image", "files", where) is None


@pytest.mark.parametrize("architectures", [("amd64",), ("amd64", "arm64")])
def test_a_robot_is_told_of_its_own_architecture_whoever_else_is_in_the_play(
    playbooks: Path, architectures: tuple[str, ...]
) -> None:
    """Its declaration would be another one in a run with `--limit`, and it would be judged again."""
    variables = variables_of(playbooks)
    known = {"acme/lidar-driver:1": {name: f"sha256:{name}" for name in architectures}}
    variables["ansible_facts"] = {FACT: {"": known}}
    images: Any = SimpleNamespace()
    found = ServiceArguments(action(variables), variables, ImageSource(method="load"), images)
    (service,) = found.of(found.specs(["lidar_driver"]), "present", "amd64")
    assert service["image"]["fingerprints"] == {"amd64": "sha256:amd64"}


def test_every_role_of_ours_is_seen_by_the_playbooks_and_none_is_named_twice() -> None:
    imported = yaml.safe_load((PROJECT / "playbooks/tasks/declarations.yml").read_text(encoding="utf-8"))
    names = [task["ansible.builtin.import_role"]["name"].rpartition(".")[2] for task in imported]
    assert sorted(names) == sorted(catalogue().roles - {"telemetry_hub"}), "hub.yml imports that one"
    converge = (PROJECT / "roles/robot_stack/tasks/converge.yml").read_text(encoding="utf-8")
    (task,) = yaml.safe_load(converge)
    assert not catalogue().services.intersection(task["tags"])
