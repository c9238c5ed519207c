"""Where data and backups shall lie: nothing that goes with an engine, or is forgotten, and nowhere unseen."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import gate
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Fault
from declarations import PROJECT, catalogue, robot

OWN = yaml.safe_load((PROJECT / "roles/telemetry_hub/vars/main.yml").read_text(encoding="utf-8"))
ROOT, BACKUP, DAEMON = "robot_stack_root", "telemetry_hub_backup_destination", "container_engine_daemon_extra"
TEXTFILES = "sensor_service_textfile_directory"
STORES = ["/var/lib/docker", "/var/lib/containers/storage", "/var/lib/containerd", "/var/lib/containers"]
HUB: dict[str, Any] = {
    "robot_stack_services": ["sensor_service", *OWN["telemetry_hub_components"]],
    "robot_stack_memory_budget_mib": 700,
}
BACKED_UP = {**HUB, "telemetry_hub_backup_enabled": True}


def faults(**written: Any) -> list[Fault]:
    return gate.check(robot(**written), catalogue())


def refused(variable: str, value: Any, **more: Any) -> Fault:
    (found,) = faults(**{**more, variable: value})
    assert found.variable == variable
    assert str(value)[:20] in found.value
    return found


@pytest.mark.parametrize("engine", ["docker", "podman"])
@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("below", ["", "/stack", "//a/./b/"])
def test_a_root_in_an_engines_store_would_go_with_it(store: str, below: str, engine: str) -> None:
    """Also in that of the other engine: a robot may change it, or have had it before."""
    found = refused(ROOT, store + below, container_engine=engine)
    assert f"it is in {store.removesuffix('/storage')}, an engine's own store, which goes with the engine" in found.why
    assert "/data/robot-stack" in found.remedy


@pytest.mark.parametrize("path", ["/var/lib/dpkg", "/var/lib/dpkg/stack", "/var/lib/systemd/x", "/var/lib/apt/x"])
def test_a_root_in_what_the_system_keeps_for_itself_is_refused(path: str) -> None:
    assert "is the system's own" in refused(ROOT, path).why


@pytest.mark.parametrize(
    ("root", "store"),
    [
        ("/data", "/data"),
        ("/data/docker/stack", "/data/docker"),
        ("/data//docker/./stack", "/data/docker/"),
        ("/data/docker", "//data/docker"),
        ("/var/lib/robot-stack", "/var/lib"),
        ("/data/stack", "/"),
    ],
)
def test_a_root_in_the_store_that_the_engine_is_given_is_refused(root: str, store: str) -> None:
    found = refused(ROOT, root, **{DAEMON: {"data-root": store}})
    assert (
        "the engine's own store (data-root in container_engine_daemon_extra), which goes with the engine" in found.why
    )


@pytest.mark.parametrize("folder", ["victoriametrics", "sensor_service/data", "watchdog", "jobs/x", "./staging"])
def test_a_store_in_a_folder_that_goes_with_its_data_is_refused(folder: str) -> None:
    (found,) = faults(**{ROOT: "/data", DAEMON: {"data-root": f"/data/{folder}"}})
    assert found.variable == DAEMON
    assert f"/data/{folder.removeprefix('./').split('/')[0]} is the stack's own" in found.why


@pytest.mark.parametrize(
    ("root", "store"),
    [
        ("/data", "/data/docker"),  # one disk for both
        ("/data/robot-stack", "/data/docker"),
        ("/data/docker-stack", "/data/docker"),
        ("/data/robot-stack", "/data/robot-stack-docker"),
        ("/var/lib/robot-stack", "/mnt/ssd"),
    ],
)
def test_a_store_beside_it_is_fine(root: str, store: str) -> None:
    assert faults(**{ROOT: root, DAEMON: {"data-root": store}}) == []


@pytest.mark.parametrize(
    "root",
    [
        "/var/lib/docker-stack",
        "/var/lib/dockers/x",
        "/var/lib/containers2",
        "/var/lib/dpkg.d",
        "/var/lib/robot-stack",
        "/data",
        "/data/a%b",
        "/data/it's",
        '/data/a"b\\c$d',
        "/data/a:b",
        "/data/Stäck~1+2@3",
        "/opt/robot-stack/",
        "/srv/x",
        "/media/card/x",
        "/mnt/ssd",
        "/homes/x",
        "/var/home/x",
        "/data/var/lib/docker",
    ],
)
def test_a_root_that_works_is_taken(root: str) -> None:
    assert faults(**{ROOT: root}) == []


@pytest.mark.parametrize("root", ["/data/my stack", "/data/a,b", "/data/a=b", "/data/a\tb"])
def test_a_root_with_a_letter_that_ends_a_word_is_refused_with_the_reason(root: str) -> None:
    (found,) = faults(**{ROOT: root})
    assert "without spaces, commas and equal signs" in found.remedy


@pytest.mark.parametrize("root", ["/home/pi/robot-stack", "/home/x", "//home/./pi", "/home//pi/"])
def test_a_root_that_the_watchdog_does_not_see_is_refused(root: str) -> None:
    found = refused(ROOT, root)
    assert "the watchdog, whose program is there, does not see /home" in found.why


@pytest.mark.parametrize("state", ["absent", "restored"])
@pytest.mark.parametrize("root", ["/home/pi/robot-stack", "/var/lib/docker/stack", "/var/lib/systemd/stack"])
def test_a_stack_that_is_there_from_before_can_leave(root: str, state: str) -> None:
    assert faults(**{ROOT: root, "robot_stack_state": state}) == []


def test_with_podman_no_path_has_a_colon() -> None:
    assert "colon" in refused(ROOT, "/data/a:b", container_engine="podman").why
    without = {"container_engine": "podman", "sensor_service_filesystems": []}
    assert "colon" in refused(TEXTFILES, "/data:x", **without).why
    assert faults(**without, **{TEXTFILES: "/data:x", "robot_stack_services": ["victoriametrics"]}) == []


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/run/robot-stack/metrics/../../../etc", "it goes back up (..)"),
        ("/data/..", "it goes back up (..)"),
        ("/", "the whole file system"),
        ("//", "the whole file system"),
        ("/./", "the whole file system"),
    ],
)
def test_a_folder_of_text_files_shows_that_folder_alone(path: str, words: str) -> None:
    assert words in refused(TEXTFILES, path, sensor_service_filesystems=[]).why


@pytest.mark.parametrize("path", ["", "/data:x", "/var/lib/node_exporter", "/data/a..b", "/run/x/", "/data/it's%h"])
def test_a_folder_of_text_files_that_works_is_taken(path: str) -> None:
    assert faults(sensor_service_filesystems=[], **{TEXTFILES: path}) == []


@pytest.mark.parametrize(
    ("folder", "words"),
    [
        ("/tmp/b", "does not outlive a reboot"),
        ("/run/x", "does not outlive a reboot"),
        ("/dev/shm/b", "does not outlive a reboot"),
        ("/var/./tmp/b", "does not outlive a reboot"),
        ("/var/lib/docker/b", "an engine's own store"),
        ("/var/lib/containers/b", "an engine's own store"),
        ("/etc/b", "is the system's own"),
        ("/boot/backups", "is the system's own"),
        ("/var/lib/dpkg/b", "is the system's own"),
        ("/var/lib/./robot-stack/b", "outside of robot_stack_root"),
        ("/var/lib/robot-stack/", "outside of robot_stack_root"),
        ("/var/./lib", "outside of robot_stack_root"),
    ],
)
def test_a_backup_is_no_longer_lived_than_its_folder(folder: str, words: str) -> None:
    assert words in refused(BACKUP, f"fs://{folder}", **BACKED_UP).why


def test_a_backup_beside_a_root_that_is_written_in_another_way_is_still_below_it() -> None:
    assert "outside of" in refused(BACKUP, "fs:///data/stack/b", **{**BACKED_UP, ROOT: "/data//stack"}).why
    assert "outside of" in refused(BACKUP, "fs:///data", **{**BACKED_UP, ROOT: "/data/./stack/"}).why
    written = {**BACKED_UP, DAEMON: {"data-root": "/data/docker"}}
    assert "(data-root in" in refused(BACKUP, "fs:///data/./docker/b", **written).why


@pytest.mark.parametrize(
    "folder",
    ["/srv/backups/hub", "/srv", "/mnt/disk/", "/data/stack2", "/root/hub-backup", "/home/pi/hub", "/var/lib/dockers"],
)
def test_a_backup_in_a_folder_that_stays_is_taken(folder: str) -> None:
    assert faults(**BACKED_UP, **{BACKUP: f"fs://{folder}", ROOT: "/data/stack"}) == []


def test_a_backup_that_is_not_made_needs_no_folder() -> None:
    assert faults(**HUB, **{BACKUP: "fs:///tmp/b"}) == []
