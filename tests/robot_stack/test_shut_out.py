"""Who is shut out of the hub's entry point stays so whatever is deployed, restarted or read, until it is time."""

from __future__ import annotations

import json
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.ask import http
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import DockerEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.protocol import EngineError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import record_file, shut_out, state
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import entry_point, parse
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec.model import SpecError
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import look, restart, shares
from robot_stack.fake_engine import FakeEngine
from robot_stack.operating import ROOT, Operator
from robot_stack.robots import Robot, parameters, service

NOW = 1_800_000_000.0
HOUR = 3600.0
BACKEND = "http://127.0.0.1:8428/"
AUTH = """\
users:
  - username: "honest"
    password: "{password}"
    url_map: [{{url_prefix: "http://127.0.0.1:8428/?extra_label=robot%3Dhonest"}}]
  - username: "rogue"
    password: "{password}"
    url_map: [{{url_prefix: "http://127.0.0.1:8428/?extra_label=robot%3Drogue"}}]
"""
pytestmark = pytest.mark.usefixtures("any_owner")


def vmauth(password: str = "first", **more: Any) -> dict[str, Any]:
    files = [
        {"path": "auth.yml", "content": AUTH.format(password=password), "sensitive": True},
        {"path": "password", "content": " secret\n", "sensitive": True},
    ]
    declared = {
        "file": "auth.yml", "backend": BACKEND, "count_url": f"{BACKEND}count", "usage_url": f"{BACKEND}usage",
        "restarts": "database", "username": "hub", "password_file": "password", "each": 100, "series": {}, **more,
    }  # fmt: skip
    return service("entry_point", files=files, shares=declared)


class Hub:
    """An entry point and its database, deployed; ``counts`` and ``used`` are what the database says."""

    def __init__(self, robot: Robot, fake: FakeEngine) -> None:
        self.robot, self.fake, self.operator = robot, fake, Operator(robot, fake)
        self.counts: dict[str, int] | None = {"honest": 50, "rogue": 50}
        self.used = 10
        self.said: list[str] = []
        fake.deaf_to = {signal.SIGHUP}
        result = self.deploy()
        assert not result.get("failed"), result

    def deploy(self, password: str = "first", **more: Any) -> dict[str, Any]:
        return self.operator.call(service("database"), vmauth(password), **more)

    def get(self, url: str, username: str = "", password: str = "", *_: Any) -> tuple[int, str]:
        assert (username, password) == ("hub", " secret"), "as the database reads it"
        if self.counts is None:
            return 0, "it does not answer"
        rows = [{"name": name, "value": count} for name, count in self.counts.items()]
        usage = f"vm_hourly_series_limit_current_series {self.used}\nvm_hourly_series_limit_max_series 100\n"
        answers = {"count": json.dumps({"data": {"seriesCountByFocusLabelValue": rows}}), "usage": usage}
        return 200, answers[url[len(BACKEND) :]]

    def look(self, now: float) -> None:
        self.said.clear()
        settings = Path(self.robot.roots.path(f"/{ROOT}/watchdog"))
        look.look(settings, self.robot.roots, DockerEngine(self.fake.socket), now, self.said.append, self.fake.kill)

    @property
    def shut(self) -> list[str]:
        (path,) = (self.robot.root / ROOT / "entry_point/config").glob("*/auth.yml")
        assert path.stat().st_mode & 0o777 == 0o400
        users = yaml.safe_load(path.read_text())["users"]
        return [user["username"] for user in users if entry_point.NOWHERE in str(user["url_map"])]

    @property
    def page(self) -> str:
        return (self.robot.root / "run/robot-stack" / shares.FILE).read_text()


@pytest.fixture
def hub(robot: Robot, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> Hub:
    deployed = Hub(robot, fake)
    robot.group("/robotstack.slice", 300 << 20)
    monkeypatch.setattr(http, "get", deployed.get)
    return deployed


def test_the_watchdog_shuts_out_whom_it_must_and_tells_the_entry_point(hub: Hub) -> None:
    hub.look(NOW)
    assert (hub.shut, hub.said, hub.fake.killed) == ([], [], [])
    hub.counts = {"honest": 100, "rogue": 101}
    hub.look(NOW + 30)
    assert (hub.shut, hub.fake.killed) == (["rogue"], [signal.SIGHUP])
    assert hub.said == ["rogue has brought 101 series today, its share are 100: it is shut out"]
    for line in ('shut_out{username="rogue"} 1', 'shut_out{username="honest"} 0', 'today{username="rogue"} 101'):
        assert f"robot_stack_series_{line}\n" in hub.page
    hub.look(NOW + 60)
    assert (hub.said, hub.fake.killed) == ([], [signal.SIGHUP])


def test_where_each_series_is_there_twice_it_is_counted_once(hub: Hub) -> None:
    told = hub.robot.root / ROOT / "watchdog/services/entry_point.json"
    assert "copies" not in json.loads(told.read_text())["shares"], "as settings of one hub have always been"
    assert not hub.operator.call(service("database"), vmauth(copies=2)).get("failed")
    assert json.loads(told.read_text())["shares"]["copies"] == 2
    hub.counts = {"honest": 201, "rogue": 202}
    hub.look(NOW)
    assert (hub.shut, hub.said) == (
        ["rogue"],
        ["rogue has brought 101 series today, its share are 100: it is shut out"],
    )


@pytest.mark.parametrize("failure", [EngineError(0, "no answer"), KeyboardInterrupt()], ids=["silent", "killed"])
def test_an_entry_point_that_could_not_be_told_is_told_at_the_next_look(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    def fails(*_: object) -> None:
        raise failure

    hub.counts = {"rogue": 5000}
    with monkeypatch.context() as once:
        once.setattr(restart, "hang_up", fails)
        with suppress(KeyboardInterrupt):
            hub.look(NOW)
    assert (hub.shut, hub.fake.killed) == (["rogue"], [])
    hub.look(NOW + 30)
    hub.look(NOW + 60)
    assert (hub.shut, hub.fake.killed) == (["rogue"], [signal.SIGHUP])


def test_he_is_let_in_again_by_itself(hub: Hub) -> None:
    hub.counts = {"rogue": 5000}
    hub.look(NOW)
    hub.look(NOW + HOUR + 1)
    assert (hub.shut, hub.said, hub.fake.killed) == ([], ["rogue is let in again"], [signal.SIGHUP] * 2)
    assert 'robot_stack_series_shut_out{username="rogue"} 0\n' in hub.page


def test_a_second_run_changes_nothing_while_somebody_is_shut_out_and_verify_sees_no_drift(hub: Hub) -> None:
    hub.counts = {"rogue": 5000}
    hub.look(NOW)
    for asked in ({}, {"check": True}, {"state": "verified"}):
        result = hub.deploy(**asked)
        assert (result["changed"], result["plan"]) == (False, []), asked
        assert hub.shut == ["rogue"]
    assert "rogue is shut out for" in result["shut_out"][0]
    assert "it brought 5000 series in a day, its share are 100" in result["shut_out"][0]


def test_another_change_of_the_file_is_seen_all_the_same(hub: Hub) -> None:
    hub.counts = {"rogue": 5000}
    hub.look(NOW)
    (path,) = (hub.robot.root / ROOT / "entry_point/config").glob("*/auth.yml")
    path.chmod(0o600)
    path.write_text(path.read_text().replace("first", "guessed"))
    path.chmod(0o400)
    assert hub.deploy()["plan"]
    assert "guessed" not in path.read_text()
    assert hub.shut == ["rogue"]


def test_he_stays_out_when_the_file_is_written_anew(hub: Hub) -> None:
    hub.counts = {"rogue": 5000}
    hub.look(NOW)
    result = hub.deploy("second")
    assert result["changed"]
    assert hub.shut == ["rogue"]


def test_a_database_that_does_not_answer_lets_nobody_in_and_shuts_nobody_out(hub: Hub) -> None:
    hub.counts = {"rogue": 5000}
    hub.look(NOW)
    hub.counts = None
    hub.look(NOW + 2 * HOUR)
    assert hub.shut == ["rogue"]
    assert 'robot_stack_series_shut_out{username="rogue"} 1\n' in hub.page


def kept_aside(hub: Hub) -> list[str]:
    path = hub.robot.root / ROOT / shut_out.FILE
    return [path.with_name(name).read_text() for name in record_file.aside(path.parent, path.name)]


def test_what_was_remembered_and_cannot_be_read_is_kept_aside_and_found_out_anew(hub: Hub) -> None:
    hub.counts = {"rogue": 5000}
    hub.look(NOW)
    (hub.robot.root / ROOT / shut_out.FILE).write_text("{")
    hub.look(NOW + 30)
    assert (hub.shut, kept_aside(hub)) == (["rogue"], ["{"])
    assert f"{shut_out.FILE} is not JSON: it was kept aside as shut_out.json.unreadable-" in "\n".join(hub.said)
    hub.look(NOW + 60)
    assert (hub.shut, hub.said, len(kept_aside(hub))) == (["rogue"], [], 1)


def test_a_run_tells_what_cannot_be_read_of_it_and_keeps_the_rest(hub: Hub) -> None:
    hub.counts = {"honest": 5000, "rogue": 5000}
    hub.look(NOW)
    path = hub.robot.root / ROOT / shut_out.FILE
    raw = json.loads(path.read_text())
    raw["users"]["honest"] = 7
    path.write_text(json.dumps(raw))
    words = "shut_out.json users.honest has a number, not an object"
    verified = hub.deploy(state="verified")
    assert verified["failed"]
    assert words in verified["msg"]
    assert "site.yml keeps it aside, and what can be read of it, and then" in verified["msg"]
    assert kept_aside(hub) == []
    result = hub.deploy()
    assert (result["changed"], result["plan"]) == (True, [])
    assert words in result["records"][0]
    assert "it was kept aside as shut_out.json.unreadable-" in result["records"][0]
    assert (len(kept_aside(hub)), shut_out.load(hub.robot.root / ROOT).names) == (1, ["rogue"])
    assert not hub.deploy(state="verified").get("failed")


def restarts(hub: Hub) -> list[int]:
    return [what for what in hub.fake.killed if what != signal.SIGHUP]


def test_the_database_is_restarted_once_where_he_has_used_up_the_room_of_all(hub: Hub) -> None:
    hub.counts, hub.used = {"rogue": 5000}, 100
    hub.look(NOW)
    assert restarts(hub) == [signal.SIGTERM]
    assert hub.said[-1].startswith("the room for further series is used up")
    known = state.load(hub.robot.root / ROOT).services["database"]
    assert (known.restarts, known.hangs, known.last_failure_at) == (0, 0, 0)
    assert known.asked_at


def test_it_is_left_alone_where_nobody_is_shut_out_or_there_is_room(hub: Hub) -> None:
    hub.used = 100
    hub.look(NOW)
    hub.counts, hub.used = {"rogue": 5000}, 99
    hub.look(NOW + 30)
    assert restarts(hub) == []


def test_the_restart_is_no_failure_of_its(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.counts, hub.used = {"rogue": 5000}, 100
    hub.look(NOW)
    hub.used = 1
    hub.look(NOW + 30)
    known = state.load(hub.robot.root / ROOT).services["database"]
    assert (known.restarts, known.oom_kills, known.last_failure) == (0, 0, "")
    # what ends later by itself is one
    monkeypatch.setattr("time.time", lambda: known.asked_at + 100)
    identity = next(c["Id"] for name, c in hub.fake.containers.items() if name.endswith("database"))
    event = {"Action": "die", "timeNano": int((known.asked_at + 60) * 1e9)}
    hub.fake.events.append({**event, "Actor": {"ID": identity, "Attributes": {"exitCode": "2"}}})
    hub.look(known.asked_at + 90)
    assert state.load(hub.robot.root / ROOT).services["database"].restarts == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"file": "other.yml"}, "the file 'other.yml', which it has not"),
        ({"count_url": "http://example.org/"}, "'http://example.org/' for an URL"),
        ({"each": 0}, "the share of each user is 0"),
        ({"series": {"rogue": -1}}, "the share of rogue is -1"),
    ],
)
def test_shares_that_cannot_work_are_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        parse.parse(parameters(vmauth(**wrong)))
