"""What images.yml and a deployment do with images is what the inventory gate has found, by the same digests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleActionSkip
from ansible.plugins.action import ActionBase
from ansible_collections.robotfleet.stack.plugins.action import image_contents, image_folder, robot_stack
from ansible_collections.robotfleet.stack.plugins.plugin_utils.images import Images, ImageUnavailableError

THING, DIGEST = "acme/thing:1", f"sha256:{'ab' * 32}"
FACTS = {"robot_stack_images": {"": {THING: {"arm64": "found"}}}, "robot_stack_pins": {THING: DIGEST}}


class RecordedError(Exception):
    """What the images are made of is known."""


class Recorder:
    """Stands where `Images` does, and notes by which digests it would pull."""

    digests: Any = None

    def __init__(self, *_: Any, digests: Any = None, **__: Any) -> None:
        type(self).digests = digests
        raise RecordedError


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Recorder]]:
    for plugin in (image_contents, image_folder, robot_stack):
        monkeypatch.setattr(plugin, "Images", Recorder)
    yield Recorder
    Recorder.digests = None


def action(plugin: Any, directory: Path, *, check_mode: bool = False) -> Any:
    made = plugin.ActionModule.__new__(plugin.ActionModule)
    arguments = {"directory": str(directory)}
    made._task = SimpleNamespace(action="it", args=arguments, check_mode=check_mode, async_val=0)
    return made


@pytest.mark.parametrize("plugin", [image_contents, image_folder])
def test_images_yml_pulls_by_the_gates_digests(
    tmp_path: Path, recorder: type[Recorder], monkeypatch: pytest.MonkeyPatch, plugin: Any
) -> None:
    monkeypatch.setattr(ActionBase, "run", lambda *_: {})
    with pytest.raises(RecordedError):
        action(plugin, tmp_path).run(task_vars={"ansible_facts": FACTS})
    assert recorder.digests == {THING: DIGEST}


def test_a_deployment_pulls_by_the_gates_digests(
    tmp_path: Path, recorder: type[Recorder], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = action(robot_stack, tmp_path)
    monkeypatch.setattr(made, "_as_said", lambda variables: variables)
    monkeypatch.setattr(made, "_scope", lambda _: [])
    monkeypatch.setattr(robot_stack, "Connection", lambda *_: SimpleNamespace(say=print))
    with pytest.raises(RecordedError):
        made.run(task_vars={"ansible_facts": FACTS})
    assert recorder.digests == {THING: DIGEST}


@pytest.mark.parametrize("plugin", [image_contents, image_folder])
def test_check_mode_writes_no_folder(tmp_path: Path, plugin: Any) -> None:
    with pytest.raises(AnsibleActionSkip):
        action(plugin, tmp_path / "folder", check_mode=True).run(task_vars={"ansible_facts": FACTS})
    assert not (tmp_path / "folder").exists()


def test_an_image_that_was_renewed_since_the_gate_is_not_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = Images(lambda _: None, cache=tmp_path / "cache")
    monkeypatch.setattr(images, "_packed", lambda *_: SimpleNamespace(reference=THING, fingerprint="renewed"))
    with pytest.raises(ImageUnavailableError, match="for arm64 was renewed in the meantime: run again"):
        images.export({THING: {"arm64": "found"}}, tmp_path / "folder")
