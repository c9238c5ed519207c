"""Files that outlive a version: yesterday's, tomorrow's, spoilt ones. None is ever taken for "nothing there"."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine import image
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.engine.docker.api import DockerEngine
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.records import (
    good_versions,
    job_record,
    record_file,
    samples,
    shut_out,
    state,
)
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.spec import parse
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import look
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.watchdog import setup as watchdog_setup
from hypothesis import given
from hypothesis import strategies as st
from robot_stack.fake_engine import FakeEngine
from robot_stack.operating import ROOT, Operator
from robot_stack.robots import IMAGE, MIB, Robot, parameters, service, write

pytestmark = pytest.mark.usefixtures("any_owner")
SENSOR = "robot-stack-sensor_service"
GONE = {"Running": False, "Status": "exited", "Pid": 0}
BUDGET = {
    "memory_budget_mib": 300,
    "memory_reserve_mib": 150,
    "engine_memory_allowance_mib": 128,
    "root": "/var/lib/robot-stack",
    "slice": "robotstack.slice",
}
# what commit 5176552 wrote
OLD_STATE: dict[str, Any] = {
    "changed_at": 5.0,
    "engine_configuration": "abc",
    "engine_packages": ["docker.io"],
    "image_history": {"a": ["sha256:1"]},
    "images": ["a:1"],
    "services": {"a": {**asdict(state.ServiceRecord("c", peak_bytes=5, made="c"))}},
}
OLD_VERSION = {
    "budget": BUDGET,
    "watchdog_interval_seconds": 20,
    "services": [service()],
    "images": {"sensor_service": "sha256:1"},
}
OLD_SAMPLES = {"a": {"samples": [[1.0, 2.0, 3]], "answered_at": 4.0, "unanswered": 1}}

KNOWN = state.State(
    ["docker.io"],
    "abc",
    ["a:1"],
    {"a": state.ServiceRecord("c", peak_bytes=5, made="c")},
    {"a": ["sha256:1"]},
    5.0,
)

# anything that JSON can say, with the words in it that the readers look for
WORDS = st.sampled_from(
    sorted({*OLD_STATE, *OLD_VERSION, *BUDGET, *OLD_SAMPLES["a"], *service(), "format", "least_format", "versions"})
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=5), inner, max_size=6),
    max_leaves=25,
)


def instead(path: Path, make: Callable[[], None]) -> None:
    """Put something else in the place of a file."""
    path.unlink()
    make()


# each way in which a file can be no use: what to do to it, and what is said of it
Spoil = Callable[[Path], Any]
SPOILT: list[tuple[Spoil, str]] = [
    (lambda path: write(path, ""), "is empty"),
    (lambda path: write(path, "\0" * 512), "is not JSON"),
    (lambda path: write(path, '{"services": '), "is not JSON"),
    (lambda path: path.write_bytes(b"\xff\xfe{}"), "is not JSON"),
    (lambda path: write(path, "7"), "holds a number, not an object"),
    (lambda path: write(path, "null"), "holds nothing, not an object"),
    (lambda path: write(path, '"text"'), "holds text, not an object"),
    (lambda path: write(path, "[" * 50_000), "is not JSON"),
    (lambda path: write(path, "{" + '"a":{' * 80 + "}" * 81), "is nested too deeply"),
    (lambda path: write(path, f'{{"format": 9, "{record_file.LEAST}": 9}}'), "can be read from format 9 on"),
    (lambda path: write(path, " " * (good_versions.LARGEST_BYTES + 1)), "is larger than"),
    (lambda path: path.chmod(0o622), "may be written by others than root (mode 0622)"),
    (lambda path: instead(path, lambda: path.symlink_to("/etc/hostname")), "cannot be opened"),
    (lambda path: instead(path, path.mkdir), "is no regular file"),
    (lambda path: instead(path, lambda: os.mkfifo(path)), "is no regular file"),
]
IDS = [f"{number} {words}" for number, (_, words) in enumerate(SPOILT)]


def rollout(operator: Operator, *services: dict[str, Any], **more: Any) -> dict[str, Any]:
    told = operator.call(*services, **more)
    return operator.call(*services, state="proven", sent=False, **{**more, "fresh": told["fresh"]})


def limit(fake: FakeEngine) -> int:
    return int(fake.containers[SENSOR]["HostConfig"]["Memory"]) // MIB


def file(robot: Robot, name: str = state.FILE) -> Path:
    return robot.root / ROOT / name


def edited(path: Path, change: Callable[[Any], Any]) -> None:
    """Change a file's JSON; ``change`` returns what it becomes, or changes it in place."""
    raw = json.loads(path.read_text())
    path.write_text(json.dumps(change(raw) or raw))


def by_the_older_version(root: Path) -> list[dict[str, Any]]:
    """Read last-good.json as commit 5176552 does: any other key of a version, and it takes none of them."""
    raw = json.loads((root / good_versions.FORMER).read_text(encoding="utf-8"))
    for one in raw:
        good_versions.GoodVersion(**{**one, "services": {s["name"]: s for s in one["services"]}})
    return list(raw)


# The state


def test_the_state_of_yesterday_is_read_and_gets_a_number(tmp_path: Path) -> None:
    write(tmp_path / state.FILE, json.dumps(OLD_STATE))
    assert state.read(tmp_path) == (KNOWN, [])
    state.save(KNOWN, tmp_path)
    added = {"format": 1, "robot": "", "machine": "", "enabled_unit": "", "engine_kind": ""}
    added.update(former_kind="", former_packages=[], former_images=[], former_socket="")
    assert json.loads((tmp_path / state.FILE).read_text()) == {**OLD_STATE, **added}
    assert state.read(tmp_path) == (KNOWN, [])


def test_the_state_of_tomorrow_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    services = {"a": {**OLD_STATE["services"]["a"], "new": [1]}}
    write(tmp_path / state.FILE, json.dumps({**OLD_STATE, "format": 7, "new": {}, "services": services}))
    assert state.read(tmp_path) == (KNOWN, [])
    write(tmp_path / state.FILE, json.dumps({"format": 7, "services": {"a": {}}}))
    assert state.read(tmp_path) == (state.State(services={"a": state.ServiceRecord()}), [])


def test_a_wrong_type_costs_that_entry_alone(tmp_path: Path) -> None:
    services = {"a": {**OLD_STATE["services"]["a"], "hangs": "two"}, "b": 7}
    wrong = {**OLD_STATE, "images": ["a:1", 5], "engine_configuration": [], "services": services, "changed_at": -1}
    write(tmp_path / state.FILE, json.dumps({**wrong, "image_history": {"a": ["sha256:1"], "b": "sha256:2"}}))
    known, problems = state.read(tmp_path)
    assert (known.engine_packages, known.images, known.services) == (["docker.io"], ["a:1"], KNOWN.services)
    assert known.image_history == {"a": ["sha256:1"], "b": []}
    assert [problem.words for problem in problems] == [
        "engine_configuration is a list, not text",
        "images has a number, not text",
        "services.b has a number, not an object",
        "services.a.hangs is text, not a whole number from 0 on",
        "image_history.b is text, not a list",
        "has 1 more of these",
    ]


@pytest.mark.parametrize(("spoil", "words"), SPOILT, ids=IDS)
@pytest.mark.parametrize("name", [state.FILE, *good_versions.FILES, samples.FILE])
def test_what_cannot_be_read_is_told(tmp_path: Path, name: str, spoil: Spoil, words: str) -> None:
    state.save(KNOWN, tmp_path)
    good_versions.save([good_versions.GoodVersion(BUDGET, 30, {"sensor_service": service()})], tmp_path)
    write(tmp_path / samples.FILE, samples.text(samples.Samples()))
    spoil(tmp_path / name)
    if name == good_versions.FORMER and ("an object" in words or "from format" in words):
        words = "does not hold a list"
    problems = [*state.read(tmp_path)[1], *good_versions.read(tmp_path)[1], *samples.read(tmp_path)[1]]
    assert [problem.name.rsplit("/", 1)[-1] for problem in problems] == [name]
    assert words in problems[0].words
    assert len(good_versions.load(tmp_path)) == 1, "one of the two files is enough"


SHUT = shut_out.ShutOut(20_833, {"rogue": shut_out.User(2, 5.0, 6.0, 7, 8)})


@pytest.mark.parametrize(("spoil", "words"), SPOILT, ids=IDS)
def test_who_was_shut_out_and_what_became_of_a_job_are_told_as_well(tmp_path: Path, spoil: Spoil, words: str) -> None:
    shut_out.save(SHUT, tmp_path)
    assert shut_out.read(tmp_path) == (SHUT, [])
    spoil(tmp_path / shut_out.FILE)
    known, (problem,) = shut_out.read(tmp_path)
    assert (known, problem.name) == (shut_out.ShutOut(), shut_out.FILE)
    assert words in problem.words
    job_record.save(job_record.JobRecord(success_at=5.0), tmp_path, "database")
    spoil(job_record.path(tmp_path, "database"))
    wrong: list[str] = []
    assert job_record.load(tmp_path, "database", wrong) == job_record.JobRecord()
    assert words in wrong[0]
    assert words in job_record.renew(tmp_path, "database", 7.0, lambda known: known)
    (kept,) = record_file.aside(tmp_path / job_record.FOLDER, "record-database.json")
    assert kept == "record-database.json.unreadable-19700101T000007Z"
    assert job_record.load(tmp_path, "database", wrong := []) == job_record.JobRecord()
    assert wrong == []


def test_another_owner_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state.save(KNOWN, tmp_path)
    seen = os.stat_result((0o100600, 1, 1, 1, 4711, 4711, 1, 1, 1, 1))
    monkeypatch.setattr(os, "fstat", lambda _: seen)
    known, (problem,) = state.read(tmp_path)
    assert (known, problem.words) == (state.State(), "belongs to user 4711, not to root")


def test_the_last_three_are_kept_aside_for_root_alone(tmp_path: Path) -> None:
    for second in range(5):
        write(tmp_path / state.FILE, str(second)).chmod(0o666)
        record_file.set_aside(tmp_path / state.FILE, float(second))
    kept = record_file.aside(tmp_path, state.FILE)
    assert kept == [f"{state.FILE}.unreadable-19700101T00000{second}Z" for second in (2, 3, 4)]
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in kept} == {0o600}
    assert (tmp_path / kept[-1]).read_text() == "4"


@given(raw=ANY_JSON)
def test_any_json_is_read_or_told(tmp_path_factory: pytest.TempPathFactory, raw: Any) -> None:
    root = tmp_path_factory.mktemp("any")
    text = json.dumps(raw)
    for name in (state.FILE, *good_versions.FILES, samples.FILE, shut_out.FILE, "stack.json", "services/a.json"):
        write(root / name, text)
    known, problems = state.read(root)
    assert isinstance(raw, dict) or problems
    state.save(known, root)
    assert state.read(root) == (known, []), "what was read can be kept"
    versions, _ = good_versions.read(root)
    good_versions.save(versions, root)
    assert good_versions.read(root) == (versions[: good_versions.KEPT], [])
    for version in versions:
        good_versions.stack_of(version, parse.parse(parameters(service())))
    seen, _ = samples.read(root)
    write(root / samples.FILE, samples.text(seen))
    assert samples.read(root) == (seen, [])
    shut, _ = shut_out.read(root)
    shut_out.save(shut, root)
    assert shut_out.read(root) == (shut, [])
    look.load(root, Robot(root, 2).roots, lambda _: None)
    shutil.rmtree(root)


@given(key=st.sampled_from(sorted({*service(), "mounts", "files", "health", "data", "command"})), raw=ANY_JSON)
def test_a_version_is_made_again_whole_or_not_at_all(
    tmp_path_factory: pytest.TempPathFactory, key: str, raw: Any
) -> None:
    root = tmp_path_factory.mktemp("any")
    changed = {**OLD_VERSION, "services": [{**service(), key: raw}]}
    write(root / good_versions.FORMER, json.dumps([changed, OLD_VERSION]))
    versions, problems = good_versions.read(root)
    assert len(versions) + len(problems) == 2
    for version in versions:
        stack = good_versions.stack_of(version, parse.parse(parameters(service())))
        assert stack.services[0].uid_gid
    shutil.rmtree(root)


# The samples


def test_the_samples_of_yesterday_and_of_tomorrow_are_read(tmp_path: Path) -> None:
    known = samples.Samples({"a": samples.Recent((samples.Sample(1.0, 2.0, 3),), 4.0, 1)})
    write(tmp_path / samples.FILE, json.dumps(OLD_SAMPLES))
    assert samples.read(tmp_path) == (known, [])
    assert json.loads(samples.text(known)) == {"format": 1, "services": OLD_SAMPLES}
    later = {
        "format": 7,
        "new": 1,
        "services": {"a": {**OLD_SAMPLES["a"], "samples": [[1.0, 2.0, 3, "new"]], "new": 1}},
    }
    write(tmp_path / samples.FILE, json.dumps(later))
    assert samples.read(tmp_path) == (known, [])
    wrong = {"format": 1, "services": {"a": {"samples": [[1.0, 2.0], [1.0, 2.0, 3]], "answered_at": "4"}, "b": []}}
    write(tmp_path / samples.FILE, json.dumps(wrong))
    found, problems = samples.read(tmp_path)
    assert (found.of("a"), len(problems)) == (samples.Recent((samples.Sample(1.0, 2.0, 3),)), 3)


# The good versions


def test_the_good_versions_of_yesterday_are_read(tmp_path: Path) -> None:
    write(tmp_path / good_versions.FORMER, json.dumps([OLD_VERSION]))
    (one,), problems = good_versions.read(tmp_path)
    assert problems == []
    assert (one.budget, one.watchdog_interval_seconds, one.images) == (BUDGET, 20, {"sensor_service": "sha256:1"})
    assert one.services == {"sensor_service": service()}
    good_versions.save([one], tmp_path)
    assert by_the_older_version(tmp_path) == [OLD_VERSION]
    assert good_versions.read(tmp_path) == ([one], [])
    assert json.loads((tmp_path / good_versions.FILE).read_text())["format"] == 1


def test_old_new_old_new_keeps_the_good_versions(tmp_path: Path) -> None:
    def named(interval: int) -> dict[str, Any]:
        return {**OLD_VERSION, "watchdog_interval_seconds": interval}

    write(tmp_path / good_versions.FORMER, json.dumps([named(10)]))
    first = good_versions.load(tmp_path)
    good_versions.save([good_versions.GoodVersion(BUDGET, 20, {"sensor_service": service()}), *first], tmp_path)
    assert [one["watchdog_interval_seconds"] for one in by_the_older_version(tmp_path)] == [20, 10]
    write(tmp_path / good_versions.FORMER, json.dumps([named(30), named(20)]))  # the older version had its turn
    found, problems = good_versions.read(tmp_path)
    assert ([one.watchdog_interval_seconds for one in found], problems) == ([30, 20], [])
    good_versions.save(found, tmp_path)
    assert [one.watchdog_interval_seconds for one in good_versions.load(tmp_path)] == [30, 20]
    (tmp_path / good_versions.FORMER).unlink()  # it has removed the stack
    assert good_versions.read(tmp_path) == ([], [])


def test_a_version_of_tomorrow_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    declared = {**service(), "new": {"a": 1}}
    del declared["cpu_limit"]
    version = {"budget": {"memory_budget_mib": 250, "new": 1}, "services": [declared], "new": []}
    write(tmp_path / good_versions.FILE, json.dumps({"format": 9, "versions": [version], "new": 2}))
    (one,), problems = good_versions.read(tmp_path)
    assert problems == []
    stack = good_versions.stack_of(one, parse.parse(parameters(service())))
    assert (stack.budget.memory_budget_mib, stack.budget.memory_reserve_mib) == (250, 150)
    assert (stack.services[0].cpu_limit, stack.watchdog_interval_seconds) == (1.0, 30)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../../etc"},
        {"name": 5},
        {"memory_limit_mib": "32"},
        {"user": "0:0"},
        {"mounts": [{"source": 5, "target": "/a"}]},
        {"files": [{"path": "../a", "content": ""}]},
        {"files": [{"path": "a", "content": {"a": 1}}]},
        {"files": [{"path": "a", "content": "\ud800"}]},
        {"image": "a:1"},
    ],
)
def test_a_version_that_cannot_be_made_again_does_not_take_the_other_along(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    bad = {**OLD_VERSION, "services": [{**service(), **change}]}
    write(tmp_path / good_versions.FORMER, json.dumps([bad, OLD_VERSION]))
    (one,), (problem,) = good_versions.read(tmp_path)
    assert list(one.services) == ["sensor_service"]
    assert "has a version (1) that cannot be made again" in problem.words


# Whole runs


@pytest.fixture
def owner(robot: Robot, fake: FakeEngine) -> Operator:
    """A robot whose engine was installed by this project, with one service that was deployed and judged."""
    bare = Operator(robot, None)
    bare.call(service(), sent=False)  # asks for the packages
    write(robot.root / "usr/bin/dockerd", "")
    installed = "Package: docker.io\nStatus: install ok installed\n"
    write(robot.root / "var/lib/dpkg/status", installed)
    operator = Operator(robot, fake)
    rollout(operator, service())
    assert operator.call(service())["plan"] == []
    assert state.load(robot.root / ROOT).engine_packages == ["docker.io"]
    return operator


@pytest.mark.parametrize(("spoil", "words"), SPOILT, ids=IDS)
def test_a_spoilt_state_is_told_kept_aside_and_rebuilt(
    owner: Operator, robot: Robot, fake: FakeEngine, spoil: Spoil, words: str
) -> None:
    before = state.load(robot.root / ROOT)
    spoil(file(robot))
    for asked in ("planned", "verified"):
        told = owner.call(service(), state=asked, sent=False)
        assert (told["plan"], told["changed"], fake.changes, owner.systemctl) == ([], False, [], [])
        assert words in told["records"][0]
        assert "site.yml keeps it aside" in told["records"][0]
        assert bool(told.get("failed")) == (asked == "verified")
    assert told["msg"] == told["records"][0]
    assert record_file.aside(robot.root / ROOT, state.FILE) == []

    told = owner.call(service())
    assert (told["plan"], told["changed"], told.get("failed")) == ([], True, None)
    (sentence,) = told["records"]
    assert sentence.startswith(f"/{ROOT}/{state.FILE} ")
    assert words in sentence
    (kept,) = record_file.aside(robot.root / ROOT, state.FILE)
    assert sentence.endswith(f": it was kept aside as {kept}, and what is true on this robot took its place")
    assert (fake.changes, owner.systemctl) == ([], [])
    after = state.load(robot.root / ROOT)
    assert (after.engine_packages, after.engine_configuration) == (before.engine_packages, before.engine_configuration)
    assert (after.images, after.image_history) == (before.images, before.image_history)
    assert after.services["sensor_service"].made == before.services["sensor_service"].made

    told = owner.call(service())
    assert (told["plan"], told["changed"], told.get("records")) == ([], False, None)
    assert owner.call(service(), state="verified", sent=False).get("failed") is None


def test_one_wrong_value_costs_nothing_else(owner: Operator, robot: Robot) -> None:
    def spoil(raw: Any) -> None:
        raw["services"]["sensor_service"].update(peak_bytes=9 * MIB, hangs="two")
        raw["engine_packages"] = {}

    edited(file(robot), spoil)
    told = owner.call(service())
    assert (told["plan"], len(told["records"])) == ([], 1)
    assert "engine_packages is an object, not a list; services.sensor_service.hangs is text" in told["records"][0]
    known = state.load(robot.root / ROOT)
    assert (known.engine_packages, known.services["sensor_service"].peak_bytes) == (["docker.io"], 9 * MIB)


def test_check_mode_tells_what_would_be_healed(owner: Operator, robot: Robot) -> None:
    file(robot).write_text("{")
    told = owner.call(service(), check=True)
    assert told["changed"]
    assert "site.yml keeps it aside" in told["records"][0]
    assert file(robot).read_text() == "{"


def test_a_state_that_is_gone_is_not_a_robot_that_has_nothing(owner: Operator, robot: Robot) -> None:
    file(robot).unlink()
    told = owner.call(service(), state="verified", sent=False)
    assert "is gone, and what it told of is still here" in told["msg"]
    assert owner.call(service())["records"][0].endswith(": what is true on this robot took its place")
    assert state.load(robot.root / ROOT).engine_packages == ["docker.io"]


def test_an_engine_that_an_older_version_gave_up_is_taken_back(owner: Operator, robot: Robot) -> None:
    edited(file(robot), lambda raw: {"engine_packages": [], "engine_configuration": "", "images": [], "services": {}})
    told = owner.call(service())
    assert told["plan"] == []
    assert "says that the container engine is somebody else's, and its drop-ins are ours" in told["records"][0]
    assert state.load(robot.root / ROOT).engine_packages == ["docker.io"]


def test_what_a_removal_must_know_is_rebuilt_before_it(owner: Operator, robot: Robot, fake: FakeEngine) -> None:
    fake.errors["GET /volumes"] = (200, b'{"Volumes": []}')
    write(file(robot), "")
    told = owner.call(service(), state="absent", sent=False, remove_engine=True, remove_data=True)
    assert "needs" in told  # the engine's packages
    assert told["records"]
    (robot.root / "usr/bin/dockerd").unlink()
    write(robot.root / "var/lib/dpkg/status", "")
    Operator(robot, None).call(service(), state="absent", sent=False, remove_engine=True, remove_data=True)
    assert not (robot.root / ROOT).exists()
    assert not fake.containers


@pytest.mark.parametrize("lost", [False, True])
def test_images_of_somebody_elses_do_not_go_with_our_engine(
    owner: Operator, robot: Robot, fake: FakeEngine, lost: bool
) -> None:
    """Whoever had an engine before may have left its store; ours are known whatever became of the record."""
    fake.errors["GET /volumes"] = (200, b'{"Volumes": []}')
    fake.images["theirs:1"] = {**IMAGE, "Id": "sha256:9"}
    fake.images["sha256:8"] = {**IMAGE, "Id": "sha256:8"}  # a name that something else bears by now
    if lost:
        write(file(robot), "")
    told = owner.call(service(), state="absent", sent=False, remove_engine=True)
    assert told["refusals"] == [
        "remove_engine: the engine also keeps the images theirs:1, which are not ours: remove them first"
    ]
    assert fake.containers
    kept = owner.call(service(), state="absent", sent=False, check=True)
    assert kept["refusals"] == [], "an engine that stays keeps them"
    del fake.images["theirs:1"]
    assert "needs" in owner.call(service(), state="absent", sent=False, remove_engine=True)


def test_somebody_elses_engine_stays_theirs(operator: Operator, robot: Robot, fake: FakeEngine) -> None:
    rollout(operator, service())
    fake.images["theirs:1"] = {**IMAGE, "Id": "sha256:9"}
    before = state.load(robot.root / ROOT)
    file(robot).write_text("")
    assert operator.call(service())["plan"] == []
    after = state.load(robot.root / ROOT)
    assert (after.engine_packages, after.images) == ([], before.images)


def test_a_container_without_our_digest_is_not_taken_for_ours(
    operator: Operator, robot: Robot, fake: FakeEngine
) -> None:
    operator.call(service())
    del fake.containers[SENSOR]["Config"]["Labels"]["robot-stack.spec"]
    file(robot).write_text("")
    operator.call(service(), state="planned", sent=False)
    told = operator.call(service())
    assert any("recreate" in step for step in told["plan"])


@pytest.mark.parametrize("name", good_versions.FILES)
def test_an_unknown_key_does_not_take_the_good_versions(
    operator: Operator, robot: Robot, fake: FakeEngine, name: str
) -> None:
    for mib in (30, 32):
        rollout(operator, service(limit=mib))

    def grown(raw: Any) -> None:
        for one in raw if isinstance(raw, list) else raw["versions"]:
            one["new"] = one["budget"]["new"] = one["services"][0]["new"] = {"a": 1}

    edited(file(robot, name), grown)
    told = operator.call(service(limit=32), state="restored", sent=False)
    assert (told.get("failed"), limit(fake), told.get("records")) == (None, 30, None)


@pytest.mark.parametrize("gone", ["budget", "memory_reserve_mib", "watchdog_interval_seconds", "images", "cpu_limit"])
def test_a_removed_key_does_not_stop_the_automatic_way_back(
    operator: Operator, robot: Robot, fake: FakeEngine, gone: str
) -> None:
    rollout(operator, service(cpu_limit=1.0))

    def shrunk(raw: Any) -> None:
        for where in (raw[0], raw[0].get("budget", {}), raw[0]["services"][0]):
            where.pop(gone, None)

    edited(file(robot, good_versions.FORMER), shrunk)
    told = operator.call(service(limit=40))
    fake.containers[SENSOR]["State"] = dict(GONE)
    told = operator.call(service(limit=40), state="proven", sent=False, fresh=told["fresh"])
    assert "put back to what was good there" in told["msg"]
    assert limit(fake) == 32


@pytest.mark.parametrize("name", good_versions.FILES)
def test_spoilt_good_versions_are_told_and_the_other_file_serves(
    operator: Operator, robot: Robot, fake: FakeEngine, name: str
) -> None:
    for mib in (30, 32):
        rollout(operator, service(limit=mib))
    file(robot, name).write_text("")
    told = operator.call(service(limit=32), state="verified", sent=False)
    assert told["msg"].startswith(f"/{ROOT}/{name} is empty: site.yml keeps it aside")
    told = operator.call(service(limit=32), state="restored", sent=False)
    assert (limit(fake), told.get("failed"), len(told["records"])) == (30, None, 1)
    assert file(robot, f"{name}.unreadable-19700101T001640Z").exists()
    assert operator.call(service(limit=30), state="verified", sent=False).get("failed") is None


def test_good_versions_that_are_all_lost_are_learnt_again(operator: Operator, robot: Robot) -> None:
    rollout(operator, service())
    for name in good_versions.FILES:
        file(robot, name).write_text("[")
    told = operator.call(service())
    assert (len(told["records"]), told["proven"]) == (2, False)
    told = operator.call(service(), state="proven", sent=False)
    assert (told["proven"], told.get("records")) == (True, None)
    assert len(good_versions.load(robot.root / ROOT)) == 1


def test_a_failed_deployment_tells_what_was_healed_before_it(owner: Operator, robot: Robot, fake: FakeEngine) -> None:
    file(robot).write_text("")
    fake.failing = "nonsense"
    with pytest.raises(Exception, match=r"state\.json is empty: it was kept aside"):
        owner.call(service(command=["nonsense"]))


def test_a_refused_run_keeps_nothing_aside(owner: Operator, robot: Robot) -> None:
    file(robot).write_text("")
    told = owner.call(service(), architecture="arm64")
    assert told["failed"]
    assert (told["changed"], file(robot).read_text()) == (False, "")
    assert "site.yml keeps it aside" in told["records"][0]


def test_spoilt_samples_are_told_and_begun_anew(owner: Operator, robot: Robot) -> None:
    write(robot.root / "run/robot-stack" / samples.FILE, "{")
    told = owner.call(service(), state="verified", sent=False)
    assert told["msg"].startswith("/run/robot-stack/samples.json is not JSON")
    assert owner.call(service())["records"][0].endswith("and the watchdog's next look took its place")
    assert owner.call(service(), state="verified", sent=False).get("failed") is None


def test_removal_takes_every_file_along(owner: Operator, robot: Robot) -> None:
    file(robot).write_text("")
    file(robot, good_versions.FILE).write_text("")
    owner.call(service())
    owner.call(service(), state="absent", sent=False)
    left = sorted(path.name for path in (robot.root / ROOT).iterdir() if path.is_file())
    assert left == [state.FILE], "the engine stays, and is ours"


# A robot of yesterday


def test_a_robot_of_yesterday_is_no_drift(owner: Operator, robot: Robot, fake: FakeEngine) -> None:
    file(robot, good_versions.FILE).unlink()
    watchdog = robot.root / ROOT / "watchdog"
    for path in (file(robot), watchdog / "stack.json", watchdog / "services/sensor_service.json"):
        mode = path.stat().st_mode
        path.write_text(path.read_text().replace(' "format": 1,\n', ""))
        path.chmod(mode)
        assert "format" not in path.read_text()
    assert owner.call(service(), state="verified", sent=False).get("failed") is None
    look_py = watchdog / "look.py"
    look_py.write_text(f"{look_py.read_text()}# yesterday's\n")
    told = owner.call(service())
    assert told["plan"] == ["update the watchdog (looks every 30 s)"]
    assert (told["proven"], told.get("records"), fake.changes) == (True, None, [])
    assert owner.call(service())["plan"] == []


# The watchdog


def looked(robot: Robot, fake: FakeEngine) -> list[str]:
    said: list[str] = []
    settings = robot.root / ROOT / "watchdog"
    look.look(settings, robot.roots, DockerEngine(fake.socket), 1_800_000_000.0, said.append, fake.kill)
    return said


def test_the_watchdog_does_not_write_over_what_it_cannot_read(owner: Operator, robot: Robot, fake: FakeEngine) -> None:
    file(robot).write_text("{")
    robot.group("/robotstack.slice", 300 * MIB)
    assert looked(robot, fake) == ["what happened is not kept: state.json is not JSON"]
    assert file(robot).read_text() == "{"
    assert (robot.root / "run/robot-stack/metrics/robot_stack.prom").exists()


def test_the_watchdog_does_not_make_a_state_that_knows_nothing(owner: Operator, robot: Robot, fake: FakeEngine) -> None:
    file(robot).unlink()
    assert looked(robot, fake) == ["what happened is not kept: state.json is gone"]
    assert not file(robot).exists()


@pytest.mark.parametrize(("spoil", "words"), SPOILT, ids=IDS)
def test_a_spoilt_setting_costs_the_watchdog_that_service_alone(
    operator: Operator, robot: Robot, fake: FakeEngine, spoil: Spoil, words: str
) -> None:
    operator.call(service(), service("victoriametrics", 50))
    spoil(robot.root / ROOT / "watchdog/services/sensor_service.json")
    said = looked(robot, fake)
    assert words in said[0]
    assert "run site.yml" in said[1]
    seen = (robot.root / "run/robot-stack/metrics/robot_stack.prom").read_text()
    assert ('service="victoriametrics"' in seen, 'service="sensor_service"' in seen) == (True, False)
    spoil(robot.root / ROOT / "watchdog/stack.json")
    assert "does not say what to look after: run site.yml" in looked(robot, fake)[-1]


def test_settings_of_another_version_will_do(robot: Robot, tmp_path: Path) -> None:
    stack = parse.parse(parameters(service()))
    settings = tmp_path / "settings"
    for declared, name in (
        (watchdog_setup.settings(stack, "docker.service", own_engine=True)[0], "stack.json"),
        (watchdog_setup.service_settings(stack, stack.services[0]), "services/a.json"),
    ):
        raw = json.loads(declared.content)
        assert raw.pop("format") == 1
        write(settings / name, json.dumps({**raw, "format": 9, "new": 1}))
    budget = {key: value for key, value in BUDGET.items() if key != "slice"}
    edited(settings / "stack.json", lambda raw: {**raw, "budget": {**budget, "new": 1}})
    edited(settings / "services/a.json", lambda raw: {k: v for k, v in raw.items() if k != "stop_timeout_seconds"})
    found = look.load(settings, robot.roots)
    assert found is not None
    assert (found.budget, [one.name for one in found.services]) == (stack.budget, ["sensor_service"])


def test_images_that_lost_their_names_are_known_again(owner: Operator, robot: Robot, fake: FakeEngine) -> None:
    other = {**IMAGE, "Id": "sha256:2", "RootFS": {"Layers": ["sha256:a", "sha256:c"]}}
    fake.images = {"sensor_service:1": other, "sha256:1": IMAGE}
    file(robot).write_text("")
    owner.call(service(), state="planned", sent=False)
    fingerprints = {"amd64": image.fingerprint(other)}
    owner.call(service(image={"reference": "sensor_service:1", "fingerprints": fingerprints}))
    assert {"sensor_service:1", "sha256:1"} <= set(state.load(robot.root / ROOT).images)


@pytest.mark.parametrize("robots", [3_600, 10_000])
def test_the_good_versions_of_a_hub_with_many_robots_are_read_back(tmp_path: Path, robots: int) -> None:
    """Each of the two has a login of every robot: what was saved and could not be read was no way back."""
    user = '- username: "scout-{0:05}"\n  password: "{1}"\n  url_map:\n  - src_paths: ["/"]\n    url_prefix: "{2}"\n'
    users = "".join(user.format(number, "x" * 43, "u" * 380) for number in range(robots))
    hub = service(files=[{"path": "auth.yml", "content": users, "sensitive": True}])
    saved = [good_versions.GoodVersion(BUDGET, 30, {"sensor_service": hub}, {"sensor_service": name}) for name in "ab"]
    good_versions.save(saved, tmp_path)
    assert good_versions.read(tmp_path) == (saved, [])
