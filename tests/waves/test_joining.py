"""What the processes of a divided run leave behind becomes one run: nothing that is missing is taken for success."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.callback import summary
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout import joining, results
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.division import Division
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.keeping import Keeper, NotKeptError
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.progress import Progress
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.results import Result, ResultError
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.shards import Shard
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.verdict import Rollout
from hypothesis import given
from hypothesis import strategies as st

ALIKE = Rollout("monday", "fleet", "declared", (), (("all",), ()))
FLEET = ["a", "b", "c", "d", "e"]
OWN = {"canaries": ["a"], "1/2": ["b", "d"], "2/2": ["c", "e"]}
CANARIES = Progress(tuple(FLEET), (1, 5), wave=2, answers={"a": "passed"}, only_canaries=True)


def part(label: str, /, **changes: Any) -> Result:
    own, canaries = OWN[label], label == "canaries"
    shard = Progress(tuple(own), (1, 2), wave=3, answers=dict.fromkeys(own, "passed"))
    made = Result("monday", label, "site", FLEET, own, begun_at=1.0, ended_at=2.0)
    said: dict[str, Any] = {
        "answers": {name: {"asked": "present", "changed": True, "plan": []} for name in own},
        "rollout": (CANARIES if canaries else shard).told(),
        "verdict": {"token": "token"} if canaries else {},
        "token": "" if canaries else "token",
    }
    return replace(made, **{**said, **changes})


def whole(**changes: dict[str, Any]) -> list[Result]:
    return [part(label, **changes.get(name, {})) for label, name in zip(OWN, ("canaries", "one", "two"))]


def joined(found: list[Result]) -> joining.Joined:
    return joining.join(found, "monday", FLEET)


def test_a_whole_run_is_a_success() -> None:
    run = joined(whole()[::-1])
    assert run.wrong == ()
    assert run.told == "Run monday of site.yml: results of canaries, 1/2, 2/2; 5 of 5 robots."
    assert sorted(run.answers) == FLEET
    assert len(run.rollouts) == 3


@pytest.mark.parametrize(("missing", "without"), [("canaries", "a"), ("1/2", "b, d"), ("2/2", "c, e")])
def test_a_process_that_is_missing_is_told(missing: str, without: str) -> None:
    wrong = joined([one for one in whole() if one.shard != missing]).wrong
    assert f"{missing} is missing: nothing is known of it" in wrong
    assert any(sentence.endswith(f"in none of them: {without}") for sentence in wrong)


def test_canaries_alone_are_no_run() -> None:
    assert joined(whole()[:1]).wrong == ("4 robots are in none of them: b, c, d, e",)


def test_a_process_that_has_not_ended_is_told() -> None:
    (sentence,) = joined(whole(two={"ended_at": 0.0, "operator": {"user": "eve@host"}})).wrong
    assert sentence.startswith("2/2 has not ended: it was cut off or still runs (begun 1970-01-01")
    assert "eve@host" in sentence


def test_who_failed_or_was_silent_is_no_success() -> None:
    assert joined(whole(one={"unwell": ["b"]})).wrong == ("1/2: b failed, or could not be reached",)
    assert joined(whole(one={"unwell": ["b"], "unreachable": {"b": "no route"}})).unreachable == {"b": "no route"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"two": {"run": "sunday"}}, "2/2 is of run sunday, not of run monday"),
        ({"two": {"playbook": "verify"}}, "2/2 is of verify.yml, and canaries is of site.yml"),
        ({"two": {"shard": "2/3"}}, "some divide it by 2 and some by 3"),
        ({"two": {"shard": "1/2"}}, "1/2 is there 2 times"),
        ({"two": {"shard": "second"}}, "second is no part of a run"),
        ({"two": {"fleet": [*FLEET, "f"]}}, "2/2 and canaries are of different inventories: f is in one of them only"),
        ({"two": {"fleet": FLEET[::-1]}}, "2/2 and canaries are of different inventories: in another order"),
        ({"two": {"token": "other"}}, "they went on from different canaries"),
        ({"two": {"robots": ["c", "d", "e"]}}, "2/2 and 1/2 both have d"),
        ({"two": {"robots": ["c", "e", "z"]}}, "2/2 has z, and its inventory has not"),
    ],
)
def test_what_is_not_of_one_run_is_refused(changes: dict[str, dict[str, Any]], why: str) -> None:
    with pytest.raises(joining.ApartError, match="These are not the results of one run") as refusal:
        joined(whole(**changes))
    assert why in str(refusal.value)


def undivided(**changes: Any) -> list[Result]:
    """The parts of a run without waves; ``changes`` are the second one's."""
    own = {"1/2": ["a", "c", "e"], "2/2": ["b", "d"]}
    same: dict[str, Any] = {"declared": "digest", "tags": [["x", "y"], []], "check": False, "version": "0.2.0"}
    parts = [Result("monday", name, "verify", FLEET, robots, ended_at=1.0, **same) for name, robots in own.items()]
    return [parts[0], replace(parts[1], **changes)]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"declared": "other"}, "2/2 is about another declaration than 1/2: the inventory"),
        ({"tags": [["x"], ["z"]]}, "2/2 ran with the tags x, without z, and 1/2 with x, y. Give all the same tags"),
        ({"check": True}, "2/2 ran in check mode, and 1/2 without check mode. Give --check to all, or to none"),
        ({"version": "0.1.0"}, "2/2 is of version 0.1.0 of this project, and 1/2 of 0.2.0. Install one"),
    ],
)
def test_parts_that_were_not_asked_the_same_are_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(joining.ApartError) as refusal:
        joined(undivided(**changes))
    (_, sentence) = str(refusal.value).splitlines()
    assert sentence.startswith(f"- {why}")
    assert sentence.endswith("and run the parts that differ again")


@pytest.mark.parametrize("unknown", [{}, {"declared": "", "tags": [], "check": None, "version": ""}])
def test_parts_that_were_asked_the_same_or_do_not_say_are_joined(unknown: dict[str, Any]) -> None:
    assert joined(undivided(**unknown)).wrong == ()


def test_what_is_compared_is_written_at_the_beginning(tmp_path: Path) -> None:
    begun(tmp_path)
    found = results.read(tmp_path / "1-of-2.json")
    assert (found.declared, found.tags, found.check) == ("declared", [["all"], []], False)
    raw = json.loads((tmp_path / "1-of-2.json").read_text())
    for odd in ({"tags": "all", "check": 1}, {"tags": [["all"]], "check": None}, {"tags": [[1], []], "check": "no"}):
        (tmp_path / "1-of-2.json").write_text(json.dumps({**raw, **odd}))
        found = results.read(tmp_path / "1-of-2.json")
        assert (found.tags, found.check) == ([], None)


def test_results_of_another_inventory_are_refused() -> None:
    with pytest.raises(joining.ApartError, match="not of this inventory, or of another --limit: e, f only there"):
        joining.join(whole(), "monday", ["a", "b", "c", "d", "f"])
    with pytest.raises(joining.ApartError, match="there are none of run tuesday"):
        joining.join([], "tuesday", FLEET)


def test_a_run_without_waves_needs_no_canaries() -> None:
    own = {"1/2": ["a", "c", "e"], "2/2": ["b", "d"]}
    parts = [Result("monday", name, "verify", FLEET, robots, ended_at=1.0) for name, robots in own.items()]
    assert joined(parts).wrong == ()
    assert joined(parts[:1]).wrong[0] == "2/2 is missing: nothing is known of it"


def test_robots_that_were_not_asked_after_a_failure_are_told() -> None:
    stopped = Result("monday", "1/1", "verify", FLEET, FLEET, ended_at=1.0, unwell=["a"], answers={"b": {}})
    assert joined([stopped]).wrong[-1] == "1/1: c, d, e gave no answer"


@given(st.sets(st.integers(1, 7)), st.integers(1, 7))
def test_a_success_has_every_part(there: set[int], by: int) -> None:
    fleet = [f"r{number}" for number in range(20)]
    parts = [
        Result("m", f"{number}/{by}", "verify", fleet, fleet[number - 1 :: by], ended_at=1.0)
        for number in sorted(there)
        if number <= by
    ]
    if not parts:
        with pytest.raises(joining.ApartError):
            joining.join(parts, "m", fleet)
        return
    assert (joining.join(parts, "m", fleet).wrong == ()) == (len(parts) == by)


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    for one in whole():
        results.write(tmp_path / f"{one.shard.replace('/', '-of-')}.json", one)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert sorted(results.read_all(tmp_path), key=lambda one: one.shard) == sorted(whole(), key=lambda one: one.shard)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"least_format": 2}, "a newer version of this project wrote it"),
        ({"format": None}, "holds no results of a run"),
        ({"fleet": "a"}, "fleet cannot be read"),
        ({"robots": [1]}, "robots cannot be read"),
        ({"shard": 3}, "shard cannot be read"),
        ({"rollout": {"hosts": ["a"], "sizes": [], "answers": {}}}, "rollout cannot be read"),
        ({"rollout": {"hosts": ["a"], "sizes": [1], "answers": []}}, "rollout cannot be read"),
    ],
)
def test_what_cannot_be_read_is_said_aloud(tmp_path: Path, change: dict[str, Any], why: str) -> None:
    path = tmp_path / "1-of-2.json"
    results.write(path, part("1/2"))
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ResultError) as refusal:
        results.read_all(tmp_path)
    assert why in str(refusal.value)
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"[" * 100_000, b"\xff"])
def test_no_content_is_taken_for_nothing_there(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "1-of-2.json").write_bytes(content)
    with pytest.raises(ResultError, match=r"1-of-2\.json"):
        results.read_all(tmp_path)


def test_a_later_versions_results_are_read_as_far_as_they_are_known(tmp_path: Path) -> None:
    path = tmp_path / "1-of-2.json"
    results.write(path, part("1/2"))
    raw = json.loads(path.read_text())
    raw = {**raw, "format": 2, "more": 1, "rollout": {**raw["rollout"], "more": 1}}
    path.write_text(json.dumps(raw))
    assert results.read(path) == part("1/2")


def test_texts_of_other_machines_are_printable(tmp_path: Path) -> None:
    path = tmp_path / "1-of-2.json"
    results.write(path, part("1/2", unreachable={"b": "\x1b[2Jgone"}, answers={"b": {"msg": "\x1b[2J"}}))
    found = results.read(path)
    assert found.unreachable == {"b": "\\x1b[2Jgone"}
    assert found.answers["b"]["msg"] == "\\x1b[2J"


def test_a_process_keeps_its_results_at_its_end(tmp_path: Path) -> None:
    path, keeper = tmp_path / "canaries.json", Keeper()
    results.write(path, replace(part("canaries"), ended_at=0.0, answers={}, rollout={}, verdict={}))
    keeper.saw("rollout_plan", {"results": str(path), "rollout": {**CANARIES.told(), "plays": {}}})
    keeper.saw("rollout_gate", {"rollout": {**CANARIES.told(), "plays": {}}, "verdict": {"token": "token"}})
    keeper.saw("robot_stack", {"results": "/elsewhere", "verdict": "ok"})
    of_ansible = {name: {**said, "warnings": [object()]} for name, said in part("canaries").answers.items()}
    said = keeper.keep(of_ansible, {}, ["a"], (["Report"], False))
    assert said == f"The results of canaries of run monday are in {path}."
    kept = results.read(path)
    assert (kept.answers, kept.unwell, kept.others) == (part("canaries").answers, ["a"], ["Report"])
    assert (kept.rollout, kept.verdict) == (CANARIES.told(), {"token": "token"})
    assert kept.ended_at > 0


def test_an_undivided_run_keeps_nothing() -> None:
    keeper = Keeper()
    keeper.saw("rollout_plan", {"rollout": {"plays": {}}})
    assert keeper.keep({}, {}, [], ([], False)) == ""


def test_results_that_cannot_be_kept_are_told(tmp_path: Path) -> None:
    keeper = Keeper()
    keeper.saw("rollout_shard", {"results": str(tmp_path / "gone" / "1-of-2.json")})
    with pytest.raises(NotKeptError, match="The results of this process could not be kept"):
        keeper.keep({}, {}, [], ([], False))


def begun(folder: Path) -> tuple[Keeper, str]:
    """One attempt at 1/2, and the nonce that it has written."""
    division, keeper = Division(Shard(1, 2), "monday", folder / "1-of-2.json"), Keeper()
    attempt = division.begin("verify", FLEET, OWN["1/2"], {"user": "eve@host"}, ALIKE, check=False)
    keeper.saw("rollout_shard", {"results": str(division.path), "attempt": attempt})
    return keeper, attempt


def test_an_attempt_that_ends_late_leaves_a_newer_ones_file_alone(tmp_path: Path) -> None:
    (early, _), (late, attempt) = begun(tmp_path), begun(tmp_path)
    before = results.read(tmp_path / "1-of-2.json")
    assert before.attempt == attempt
    with pytest.raises(NotKeptError) as refusal:
        early.keep({"b": {"msg": "of before"}}, {}, [], ([], False))
    assert f"{tmp_path}/1-of-2.json is of another attempt at 1/2 of run monday" in str(refusal.value)
    assert results.read(tmp_path / "1-of-2.json") == before, "it has not ended, so join.yml says so"
    assert late.keep({"b": {"msg": "of now"}}, {}, [], ([], False))
    assert results.read(tmp_path / "1-of-2.json").answers["b"]["msg"] == "of now"


def test_the_summary_says_whose_results_are_not_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    callback = summary.CallbackModule()
    callback._keeper, _ = begun(tmp_path)
    begun(tmp_path)
    callback.v2_playbook_on_stats(None)
    said = capsys.readouterr()
    assert f"Warning: The results of this process are not kept: {tmp_path}/1-of-2.json" in said.out + said.err


def test_results_of_versions_that_wrote_no_attempt_are_kept_and_read(tmp_path: Path) -> None:
    path = tmp_path / "1-of-2.json"
    results.write(path, replace(part("1/2"), attempt="new"))
    raw = json.loads(path.read_text())
    del raw["attempt"]
    path.write_text(json.dumps(raw))
    assert results.read(path) == part("1/2")


def test_results_are_beside_the_inventory_unless_said_otherwise(tmp_path: Path) -> None:
    fleet = tmp_path / "inventory" / "hall"
    assert results.folder("", str(fleet), "monday") == tmp_path / "inventory" / "rollouts" / "hall" / "monday"
    assert results.folder(str(tmp_path), "", "monday") == tmp_path / "monday"
    with pytest.raises(ValueError, match="rollout_results_directory"):
        results.folder("", "", "monday")


def said_of(folder: Path, found: list[Result]) -> list[str]:
    """Return what the summary of join.yml prints of a run."""
    for one in found:
        results.write(folder / "monday" / f"{one.shard.replace('/', '-of-')}.json", one)
    said: list[str] = []
    callback = summary.CallbackModule()
    callback._display = SimpleNamespace(banner=said.append, display=lambda text, **_: said.append(text))
    task = SimpleNamespace(action="robotfleet.stack.rollout_join", check_mode=False, get_name=lambda: "Run")
    told = {"changed": False, "results": str(folder / "monday")}
    callback.v2_runner_on_failed(SimpleNamespace(task=task, result=told, is_changed=lambda: False))
    callback.v2_playbook_on_stats(None)
    return said


def idle(*shards: str, **changes: dict[str, Any]) -> list[Result]:
    """Those of the parts, of a run that has changed nothing."""
    answers = {name: {"asked": "present", "changed": False, "plan": []} for name in FLEET}
    nothing = {label: {"answers": {name: answers[name] for name in OWN[label]}} for label in OWN}
    return [part(label, **{**nothing[label], **changes.get(label[:1], {})}) for label in shards]


def test_a_whole_run_that_changed_nothing_says_so(tmp_path: Path) -> None:
    assert "Nothing changed." in said_of(tmp_path, idle(*OWN))


@pytest.mark.parametrize(
    ("shards", "changes"),
    [
        ([*OWN], {"2": {"ended_at": 0.0, "answers": {}}}),
        (["canaries", "1/2"], {}),
        (["1/2", "2/2"], {}),
    ],
)
def test_nothing_is_said_of_a_process_that_is_missing_or_has_not_ended(
    tmp_path: Path, shards: list[str], changes: dict[str, Any]
) -> None:
    assert [line for line in said_of(tmp_path, idle(*shards, **changes)) if "hanged" in line] == []


def test_no_stack_is_said_to_be_unchanged_where_a_process_has_not_ended(tmp_path: Path) -> None:
    changes: dict[str, dict[str, Any]] = {"1": {"others": ["A file is written"]}, "2": {"ended_at": 0.0, "answers": {}}}
    said = said_of(tmp_path, idle(*OWN, **changes))
    assert [line for line in said if "hanged" in line] == ["Other tasks changed something: A file is written."]
