"""Who has their turn when, what becomes of them, and where a rollout stops. Nothing here contacts anybody."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import gate as inventory_gate
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import waves as declared
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout import gate
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.progress import Progress
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.summary import ending
from ansible_collections.robotfleet.stack.plugins.plugin_utils.rollout.waves import ordered, sizes
from declarations import catalogue, robot

FLEET = tuple("abcdefghij")
CHANGED, SAME, SILENT = {"changed": True, "proven": False}, {"changed": False, "proven": True}, {"unreachable": True}


def start(*waves: Any, hosts: tuple[str, ...] = FLEET, **more: Any) -> Progress:
    return Progress(hosts, tuple(sizes(waves or [1, "10%", "100%"], len(hosts))), **more)


def step(progress: Progress, **answers: Any) -> gate.Decision:
    """One batch whose robots are unchanged, but for those named; None: the robot failed."""
    said = {name: answers.get(name, SAME) for name in progress.batch if answers.get(name, SAME) is not None}
    return gate.answered(progress, said)


def test_canaries_come_first_and_the_rest_in_the_inventorys_order() -> None:
    assert ordered(["a", "b", "c", "d"], ["c", "b", "elsewhere"]) == ["b", "c", "a", "d"]
    assert ordered(["a", "b"], []) == ["a", "b"]


@pytest.mark.parametrize(
    ("waves", "total", "wanted"),
    [
        ([1, "10%", "100%"], 200, [1, 20, 200]),
        ([1, "10%", "100%"], 3, [1, 1, 3]),
        ([5], 2, [2]),
        (["50%"], 5, [2]),
        (["0.5%"], 10, [1]),
        (["3"], 10, [3]),
    ],
)
def test_a_share_is_rounded_down_and_one_at_least(waves: list[Any], total: int, wanted: list[int]) -> None:
    assert sizes(waves, total) == wanted


@pytest.mark.parametrize("wave", ["150%", "0%", "-5%", -1, 0, "many", True, 1.5, "", None])
def test_what_is_no_wave_is_refused_by_name(wave: Any) -> None:
    (fault, *_) = declared.check(robot(rollout_waves=[1, wave]))
    assert fault.variable == "rollout_waves"
    assert fault in inventory_gate.check(robot(rollout_waves=[1, wave]), catalogue())


def test_an_empty_list_of_waves_is_refused() -> None:
    (fault,) = declared.check(robot(rollout_waves=[]))
    assert "no wave" in fault.why


@pytest.mark.parametrize("name", ["rollout_soak_seconds", "rollout_max_failures"])
def test_zero_is_a_value_and_less_is_not(name: str) -> None:
    assert inventory_gate.check(robot(**{name: 0}), catalogue()) == []
    assert [fault.variable for fault in inventory_gate.check(robot(**{name: -1}), catalogue())] == [name]


def test_robots_that_disagree_are_named() -> None:
    fleet = [robot("a"), robot("b"), robot("c", rollout_soak_seconds=5, rollout_waves=[2])]
    told = {(fault.robot, fault.variable) for fault in declared.agree(fleet)}
    assert told == {("c", "rollout_soak_seconds"), ("c", "rollout_waves")}
    assert declared.agree(fleet[:2]) == declared.agree([]) == []


def test_what_is_too_long_to_be_shown_is_compared_to_its_end() -> None:
    waves = [*range(1, 60), "100%"]
    fleet = [robot("a", rollout_waves=waves), robot("b", rollout_waves=waves), robot("c", rollout_waves=[*waves, 9])]
    (fault,) = declared.agree(fleet)
    assert (fault.robot, fault.variable) == ("c", "rollout_waves")
    assert "others have [1, 2, 3" in fault.why
    assert len(fault.why) < 160, "the message has the short form"


def test_a_rollout_without_change_goes_through_its_waves_unjudged() -> None:
    now, batches = start(), []
    while now.batch:
        batches.append("".join(now.batch))
        decision = step(now)
        assert not decision.judge
        now = decision.progress
    assert batches == ["a", "b", "cdefghij"]
    assert (now.wave, now.stopped, now.playbook()["left"]) == (4, "", [])


def test_the_plays_get_the_batches_that_the_progress_counts_with() -> None:
    now = start(2, 3)
    assert now.playbook() == {
        "candidates": list(FLEET),
        "first": [2, 1],
        "left": list(FLEET),
        "rest": [3],
        "unwell": [],
    }
    after = step(now).progress
    assert after.playbook()["left"] == list("cdefghij")
    assert start(4).playbook()["rest"] == [4]


def test_who_changed_is_judged_and_who_was_cut_off_before_too() -> None:
    now = start(4)
    decision = step(now, a=CHANGED, b={"changed": False, "proven": False}, c=SILENT)
    assert (decision.judge, decision.ends) == (["a", "b"], "")
    done = gate.judged(now, {"a": SAME, "b": SAME, "c": SILENT, "d": SAME}, decision.judge)
    assert dict(done.progress.answers) == {"a": "passed", "b": "passed", "c": "silent", "d": "unchanged"}


def test_a_failure_stops_the_rollout_after_the_others_of_its_wave_were_judged() -> None:
    now = start(1, 3, "100%")
    now = step(now).progress
    decision = step(now, b=None, c=CHANGED)
    assert decision.judge == ["c"]
    done = gate.judged(now, {"c": SAME, "d": SAME}, decision.judge)
    assert done.ends == "play"
    assert done.progress.stopped == "b failed in wave 2, rollout_max_failures is 0"
    assert done.progress.playbook()["left"] == []


def test_as_many_failures_as_are_accepted_stop_nothing() -> None:
    now = step(start(1, 3, "100%", max_failures=1)).progress
    tolerated = step(now, b=None).progress
    assert (tolerated.stopped, tolerated.playbook()["unwell"]) == ("", ["b"])
    assert step(now, b=None, c=None).progress.stopped != ""


def test_who_fails_the_gate_counts() -> None:
    now = step(start(1, 3)).progress
    decision = step(now, b=CHANGED, c=CHANGED)
    assert gate.judged(now, {"c": SAME, "d": SAME}, decision.judge).progress.stopped.startswith("b failed")


def test_who_was_silent_while_others_were_judged_stays_silent() -> None:
    """It was not asked again: the skipped task stands where its answer stood."""
    now = start("100%", hosts=tuple("abcd"))
    decision = step(now, a=SILENT, b=CHANGED, c=SAME, d=SAME)
    assert (decision.judge, decision.silent) == (["b"], ("a",))
    skipped = {"skipped": True}
    answers = {"a": skipped, "b": SAME, "c": skipped, "d": skipped}
    done = gate.judged(now, answers, decision.judge, decision.silent)
    assert done.progress.playbook()["unwell"] == ["a"]
    assert done.progress.answers["b"] == "passed"


def test_silent_canaries_are_replaced_one_by_one() -> None:
    decision = step(start(2), a=SILENT, b=SILENT)
    assert (decision.ends, decision.progress.batch) == ("batch", ["c"])
    decision = step(decision.progress, c=SILENT)
    assert decision.progress.batch == ["d"]
    decision = step(decision.progress)
    assert (decision.ends, decision.progress.batch) == ("batch", ["e"])
    decision = step(decision.progress)
    assert (decision.ends, decision.progress.wave, decision.progress.batch) == ("play", 2, ["f", "g"])
    assert decision.progress.playbook()["unwell"] == ["a", "b", "c"]


def test_a_canary_that_falls_silent_after_its_change_counts_as_failed() -> None:
    now = start(1)
    done = gate.judged(now, {"a": SILENT}, step(now, a=CHANGED).judge)
    assert done.progress.stopped.startswith("a failed in wave 1")
    assert done.progress.playbook()["unwell"] == ["a"]


BROKE_OFF = {**SILENT, "begun": True}


def test_a_canary_whose_connection_breaks_in_its_change_is_asked_again_after_the_soak() -> None:
    now = start(1)
    decision = step(now, a=BROKE_OFF)
    assert (decision.judge, decision.silent, decision.ends) == (["a"], (), "")
    done = gate.judged(now, {"a": SILENT}, decision.judge)
    assert done.progress.stopped.startswith("a failed in wave 1")
    assert gate.judged(now, {"a": {"proven": True}}, decision.judge).progress.answers["a"] == "passed"
    assert gate.judged(now, {"a": {"proven": False}}, decision.judge).progress.answers["a"] == "failed"


def test_beside_one_that_changed_a_canary_that_broke_off_is_judged_too() -> None:
    decision = step(start(3), a=BROKE_OFF, b=SILENT, c=CHANGED)
    assert (sorted(decision.judge), decision.silent) == (["a", "c"], ("b",))


def test_canaries_that_their_change_silences_stop_the_rollout_whatever_may_fail() -> None:
    """Each is a batch of its own: what counts is the wave."""
    now = start(1, 2, hosts=tuple("abcdef"), max_failures=1)
    done = gate.judged(now, {"a": SILENT}, step(now, a=CHANGED).judge).progress
    assert done.stopped == "a failed in wave 1, and no canary did well"
    assert done.playbook()["left"] == []


def test_failures_count_over_all_batches_that_fill_a_wave_up() -> None:
    now = step(start(3, 2, max_failures=1), a=None).progress
    assert (now.stopped, now.failed, now.batch) == ("", ("a",), ["d"])
    assert Progress.of(now.told()) == now
    done = gate.judged(now, {"d": SILENT}, step(now, d=CHANGED).judge).progress
    assert done.stopped == "a, d failed in wave 1, rollout_max_failures is 1"


def test_failures_of_one_wave_do_not_count_in_the_next() -> None:
    now = step(start(2, 2, max_failures=1), a=None).progress
    now = step(now).progress
    assert (now.wave, now.failed, now.stopped) == (2, (), "")
    assert step(now, d=None).progress.stopped == ""


def test_a_progress_of_an_earlier_version_is_read() -> None:
    now = step(start(1, 3)).progress
    assert Progress.of({name: value for name, value in now.told().items() if name != "failed"}) == now


def test_in_later_waves_silence_stops_nobody() -> None:
    now = step(start(1, 3)).progress
    done = gate.judged(now, {"b": SILENT, "c": SILENT, "d": SAME}, step(now, b=CHANGED, c=SILENT).judge)
    assert (done.progress.stopped, done.progress.playbook()["unwell"]) == ("", ["b", "c"])


def test_check_mode_judges_nobody_and_never_stops() -> None:
    decision = step(start("100%", check=True), a=CHANGED, b=None)
    assert (decision.judge, decision.progress.stopped, decision.progress.playbook()["left"]) == ([], "", [])


def test_a_run_that_asked_nothing_of_the_robots_judges_nobody() -> None:
    assert step(start("100%"), **{name: {} for name in FLEET}).judge == []


def test_progress_survives_being_a_fact() -> None:
    now = step(start(2), a=SILENT).progress
    assert Progress.of(now.told()) == now


def test_the_end_names_who_was_not_reached_and_why() -> None:
    now = step(start(1, 3)).progress
    now = step(now, b=None, c=SILENT).progress
    told = ending(
        now, {"b": {"objections": ["victoriametrics: killed (x)"], "rolled_back": ["recreate it"], "msg": "m"}}
    )
    lines = [line for line, _ in told]
    assert lines == [
        "silent: c",
        "b did not pass the gate: victoriametrics: killed (x)",
        "b was rolled back: recreate it",
        "not reached: e, f, g, h, i, j: the rollout stopped in wave 2",
        "why: b failed in wave 2, rollout_max_failures is 0",
    ]


def test_a_wave_that_failed_as_a_whole_is_told_though_nobody_decided_about_it() -> None:
    why = "victoriametrics: its log says: no such flag"
    told = ending(step(start(1, 2)).progress, {"b": {"msg": "x\nlog", "causes": [why]}, "c": {"msg": "y"}})
    assert [line for line, _ in told] == [
        "b failed: x",
        f"b: {why}",
        "c failed: y",
        "not reached: d, e, f, g, h, i, j: the rollout stopped in wave 2",
        "why: b, c failed in wave 2, rollout_max_failures is 0",
    ]


def test_what_did_not_pass_the_gate_is_told_with_what_its_log_says() -> None:
    judged = {"objections": ["sensor_service: killed (x)"], "causes": ["sensor_service: its log says: no such file"]}
    told = ending(step(start(1, 2)).progress, {"b": {**judged, "msg": "m"}})
    assert [line for line, _ in told][:2] == [
        "b did not pass the gate: sensor_service: killed (x)",
        "b: sensor_service: its log says: no such file",
    ]


def test_a_refusal_is_shown_with_every_reason() -> None:
    refused = {"msg": "refused, for 2 reason(s):\n- no RAM\n- no disk", "refusals": ["no RAM", "no disk"]}
    told = ending(step(start(1, 2)).progress, {"b": refused})
    assert [line for line, _ in told][:2] == ["b was refused: no RAM", "b was refused: no disk"]


def test_the_end_of_a_run_without_change_says_nothing() -> None:
    assert ending(step(start("100%")).progress, {}) == []


@pytest.mark.parametrize(
    ("progress", "failed", "why"),
    [
        (start(1, 2), ["a"], "a failed in wave 1, rollout_max_failures is 0"),
        (start(2, 2), ["a", "b"], "a, b failed in wave 1, rollout_max_failures is 0"),
        (step(start(2, 2, max_failures=1), a=SILENT).progress, ["c"], "c failed in wave 1, and it was alone"),
        (step(start(1, 2)).progress, ["b", "c"], "b, c failed in wave 2, rollout_max_failures is 0"),
    ],
)
def test_where_ansible_ends_the_run_by_itself_why_is_told(progress: Progress, failed: list[str], why: str) -> None:
    """A single canary that fails is a batch of which every robot has failed: the gate is not asked any more."""
    told = ending(progress, {name: {"msg": "m"} for name in failed})
    assert [line for line, _ in told if line.startswith(f"why: {why}")]
    assert [line for line, _ in told if line.startswith("not reached: ")]


def test_a_rollout_that_reached_everybody_has_no_why() -> None:
    now = start("100%")
    assert not [line for line, _ in ending(now, {name: {"msg": "m"} for name in now.hosts}) if "why" in line]
