"""A robot that fails says why in a line or two; its measurements are for the table, and for -v."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.utils.display import Display
from ansible_collections.robotfleet.stack.plugins.callback.display import CallbackModule

ANSWER = {"asked": "verified", "declared": {}, "services": {"a": {"working_set_mib": 4.0}}, "msg": "a: down"}


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Any:
    def text(result: dict[str, Any], verbosity: int) -> str:
        monkeypatch.setattr(Display(), "verbosity", verbosity)
        return str(CallbackModule()._dump_results(result))

    return text


def test_a_robot_that_fails_shows_its_message_alone(shown: Any) -> None:
    assert "a: down" in shown(ANSWER, 0)
    assert "working_set_mib" not in shown(ANSWER, 0)


def test_a_robot_that_ended_early_shows_its_message_alone(shown: Any) -> None:
    text = shown({"msg": "a: not healthy; the last good container was put back", "plan": [], "changed": False}, 0)
    assert "put back" in text
    assert "plan" not in text


def test_everything_is_shown_to_those_who_ask(shown: Any) -> None:
    assert "working_set_mib" in shown(ANSWER, 1)


def test_other_tasks_are_shown_as_ansible_shows_them(shown: Any) -> None:
    assert "stderr" in shown({"msg": "no", "stderr": "because"}, 0)


class _Play:
    def __init__(self, hosts: Any) -> None:
        self.hosts, self.name, self.check_mode = hosts, "A play", False

    def get_name(self) -> str:
        return self.name


@pytest.mark.parametrize(("hosts", "speaks"), [([], False), (["scout"], True), ("robots", True)])
def test_a_play_that_is_planned_away_is_not_shown(hosts: Any, speaks: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    display = CallbackModule()
    monkeypatch.setattr(display._display, "banner", lambda text, *_, **__: said.append(text))
    monkeypatch.setattr(display._display, "display", lambda text, *_, **__: said.append(text))
    monkeypatch.setattr(display, "get_option", lambda _: False)
    display.v2_playbook_on_play_start(_Play(hosts))
    display.v2_playbook_on_no_hosts_matched()
    assert bool(said) is speaks
