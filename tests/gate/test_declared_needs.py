"""A robot gets what this run has declared for it, and nothing else that it asks for."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.needs import (
    ImageNeed,
    Need,
    PackagesNeed,
    PurgeNeed,
    RebootNeed,
    told,
)
from ansible_collections.robotfleet.stack.plugins.plugin_utils.needs.declared import Declared
from hypothesis import given, settings
from hypothesis import strategies as st


def service(name: str, reference: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "image": {"reference": reference, "fingerprints": {"arm64": "sha256:1"}}, **more}


def arguments(**changes: Any) -> dict[str, Any]:
    return {
        "state": "present",
        "architecture": "arm64",
        "scope": [],
        "services": [service("sensor_service", "sensor_service:1"), service("off", "off:1", enabled=False)],
        "engine": {"install": True, "packages": ["docker.io"]},
        "memory_controller": {"reboot_allowed": True},
        **changes,
    }


STAGED = ({"name": "a.archive", "bytes": 5, "digest": "sha256:1"},)
IMAGE = ImageNeed("sensor_service:1", "arm64", (("a" * 16,),), STAGED)
REMOVES = {"state": "absent", "remove_engine": True}
HONEST: list[Need] = [IMAGE, PackagesNeed(("docker.io",), "debian", STAGED), RebootNeed()]


def allowed(need: Any, **changes: Any) -> list[Any]:
    return Declared.of(arguments(**changes)).allowed([need if isinstance(need, dict) else told(need)])


@pytest.mark.parametrize("need", HONEST, ids=lambda need: type(need).__name__)
def test_what_was_declared_is_brought(need: Any) -> None:
    assert allowed(need) == [need]


@pytest.mark.parametrize(("kind", "former"), [("podman", "docker.io"), ("docker", "podman")])
def test_an_engine_that_the_robot_leaves_for_another_is_removed_and_nothing_else_is(kind: str, former: str) -> None:
    engine = {"install": True, "packages": ["x"], "kind": kind}
    need = PurgeNeed((former,), "debian")
    assert allowed(need, engine=engine) == [need]
    own = "podman" if kind == "podman" else "docker.io"
    for names in ((own,), (former, "openssh-server"), (former, own)):
        with pytest.raises(AnsibleActionFail, match="which this run has not declared"):
            allowed(PurgeNeed(names, "debian"), engine=engine)
    with pytest.raises(AnsibleActionFail, match="which this run has not declared"):
        allowed(need, engine=engine, state="verified")


def test_an_engine_that_this_run_removes_is_removed() -> None:
    need = PurgeNeed(("docker.io", "podman"), "debian")
    assert allowed(need, state="absent", remove_engine=True) == [need]


@pytest.mark.parametrize(
    ("need", "changes", "why"),
    [
        (ImageNeed("private/secret:1", "arm64"), {}, "image private/secret:1, which this run has not declared"),
        (ImageNeed("sensor_service:latest", "arm64"), {}, "has not declared"),
        (ImageNeed("off:1", "arm64"), {}, "has not declared"),
        (IMAGE, {"scope": ["victoriametrics"]}, "has not declared"),
        (IMAGE, {"services": [{"name": "a", "image": {"reference": "sensor_service:1"}}]}, "has not declared"),
        (IMAGE, {"state": "verified"}, "has not declared"),
        (IMAGE, {"state": "absent"}, "has not declared"),
        (ImageNeed("sensor_service:1", "amd64"), {}, "robot_stack_architecture is arm64"),
        (PackagesNeed(("docker.io", "xmrig"), "debian"), {}, "packages xmrig"),
        (
            PackagesNeed(("docker.io",), "debian"),
            {"engine": {"install": False, "packages": ["docker.io"]}},
            "not declared",
        ),
        (PurgeNeed(("docker.io",), "debian"), {}, "which this run has not declared"),
        (PurgeNeed(("docker.io",), "debian"), {"state": "absent"}, "which this run has not declared"),
        (PurgeNeed(("-oDPkg::Pre-Invoke::=sh",), "debian"), REMOVES, "names of packages"),
        (PurgeNeed(("*",), "debian"), REMOVES, "names of packages"),
        (PurgeNeed(("/tmp/a.deb",), "debian"), REMOVES, "names of packages"),
        (RebootNeed(), {"memory_controller": {}}, "memory_cgroup_reboot_allowed is not set"),
    ],
)
def test_what_was_not_declared_is_refused(need: Any, changes: dict[str, Any], why: str) -> None:
    with pytest.raises(AnsibleActionFail, match=why):
        allowed(need, **changes)


def test_without_a_list_of_packages_an_engine_is_its_own() -> None:
    docker, podman = PackagesNeed(("docker.io",), "debian"), PackagesNeed(("podman", "crun"), "debian")
    assert allowed(podman, engine={"kind": "podman"}) == [podman]
    assert allowed(docker, engine={}) == [docker]
    assert allowed(docker, engine={"packages": []}) == [docker]
    with pytest.raises(AnsibleActionFail, match=r"packages docker\.io"):
        allowed(docker, engine={"kind": "podman"})


def test_the_same_thing_is_asked_for_once() -> None:
    """Else one answer would have an image sent a thousand times."""
    with pytest.raises(AnsibleActionFail, match="several times"):
        Declared.of(arguments()).allowed([told(IMAGE)] * 2)


@pytest.mark.parametrize(
    "odd",
    [
        {**told(IMAGE), "staged": [{"name": "a", "bytes": -1.5, "digest": None}]},
        {**told(IMAGE), "staged": "abc"},
        {**told(IMAGE), "chains": [[1], 2]},
        {**told(IMAGE), "reference": ["sensor_service:1"]},
        {**told(IMAGE), "directory": "/etc"},
        {"kind": "packages", "names": "docker.io"},
        {"kind": "packages"},
        {"kind": ["image"]},
        {},
    ],
)
def test_odd_words_are_refused(odd: dict[str, Any]) -> None:
    with pytest.raises(AnsibleActionFail, match="the robot asks for"):
        allowed(odd)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.just("sensor_service:1"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@settings(derandomize=True, max_examples=300)
@given(st.sampled_from([told(need) for need in HONEST]), st.dictionaries(st.text(max_size=8), JSON, max_size=2), JSON)
def test_whatever_is_asked_for_is_declared_or_refused(honest: dict[str, Any], more: dict[str, Any], odd: Any) -> None:
    for key in honest:
        raw = {**honest, **more, key: odd}
        try:
            (need,) = allowed(raw)
        except AnsibleActionFail:
            continue
        assert not isinstance(need, ImageNeed) or (need.reference, need.architecture) == ("sensor_service:1", "arm64")
        assert not isinstance(need, PackagesNeed) or set(need.names) <= {"docker.io"}
