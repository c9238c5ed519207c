"""The table at the end of a run says what was measured, and nothing that was not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.callback.summary import CallbackModule
from ansible_collections.robotfleet.stack.plugins.plugin_utils.summary.tables import (
    COLUMNS,
    PLAN_COLUMNS,
    aligned,
    lines,
    plan_parts,
    plan_row,
    rows,
)
from ansible_collections.robotfleet.stack.plugins.plugin_utils.summary.words import (
    MOST_DIFF_LINES,
    differences,
    joined,
    records,
    told,
)


def answer(**changes: Any) -> dict[str, Any]:
    service = {"kernel_limit_mib": 50.0, "working_set_mib": 31.25, "peak_mib": 40.0, "verdict": "ok", "reasons": []}
    result: dict[str, Any] = {
        "changed": False,
        "plan": [],
        "refusals": [],
        "services": {"victoriametrics": service},
        "engine_usage": {"unreclaimable_mib": 60.0, "allowance_mib": 128.0, "verdict": "ok", "reasons": []},
        "budget": {
            "memory_budget_mib": 300,
            "slice_limit_mib": 300.0,
            "used_mib": 110.0,
            "left_mib": 90,
            "verdict": "ok",
            "reasons": [],
        },
    }
    return {**result, **changes}


def test_every_service_the_engine_and_the_whole_stack_have_a_row() -> None:
    assert rows("scout", answer()) == [
        ("scout", "victoriametrics", "50", "31.2", "40", "10", "-", "ok"),
        ("scout", "engine", "128", "60", "-", "68", "-", "ok"),
        ("scout", "whole stack", "300", "110", "-", "190", "300", "ok"),
    ]


def test_what_was_not_measured_is_a_dash() -> None:
    (row, *_) = rows("scout", answer(services={"sensor_service": {"verdict": "down"}}))
    assert row == ("scout", "sensor_service", "-", "-", "-", "-", "-", "down")


def test_a_robot_that_failed_early_has_no_rows() -> None:
    assert rows("scout", {"failed": True, "msg": "no Python"}) == []


def test_columns_are_aligned_and_a_robot_is_named_once() -> None:
    shown = lines([*rows("scout", answer()), *rows("cart", answer())])
    texts = [text for text, _ in shown]
    assert texts[0].split() == list(COLUMNS)
    assert [text.split()[0] for text in texts].count("scout") == 1
    assert len({text.index("ok") for text in texts[1:]}) == 1
    assert {verdict for _, verdict in shown[1:]} == {"ok"}


def test_a_run_without_change_says_so() -> None:
    assert told({"scout": answer()}, {}) == ["scout: 90 MiB of its budget are unassigned."]
    assert printed(answer())[-1] == "Nothing changed."


def test_a_budget_without_a_rest_is_said_to_be_assigned() -> None:
    given = answer()
    given["budget"]["left_mib"] = 0
    assert told({"scout": given}, {})[0] == "scout: its whole budget is assigned."


def test_an_engine_outside_the_ceiling_is_said_to_be_counted_only() -> None:
    outside = answer()
    outside["engine_usage"]["below_ceiling"] = False
    assert "scout: its engine is outside the ceiling: its memory is counted, not capped." in told(
        {"scout": outside}, {}
    )


def test_changes_refusals_reasons_and_silent_robots_are_told() -> None:
    changed = answer(changed=True, plan=["start sensor_service"], refusals=["too little disk"])
    changed["engine_usage"]["reasons"] = ["130 of 128 MiB"]
    assert told({"scout": changed}, {"cart": ""}) == [
        "scout changed: start sensor_service",
        "scout refused: too little disk",
        "scout engine: 130 of 128 MiB",
        "scout: 90 MiB of its budget are unassigned.",
        "cart could not be reached.",
    ]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("", "cart could not be reached."),
        ("Task failed: ", "cart could not be reached."),
        ("ssh: connect to host cart port 22: No route to host", None),
        ("Task failed: mkdir: cannot create directory '/home/jane/.ansible': No space left on device.", None),
        ("x" * 300, f"cart could not be reached: {'x' * 200}..."),
    ],
)
def test_who_could_not_be_reached_is_told_with_the_connections_words(words: str, line: str | None) -> None:
    expected = line or f"cart could not be reached: {words.removeprefix('Task failed: ').rstrip('.')}"
    assert told({}, {"cart": words}) == [expected]


def test_a_plan_that_was_not_carried_out_is_not_told_as_a_change() -> None:
    assert "scout would change: start sensor_service" in told({"scout": answer(plan=["start sensor_service"])}, {})


def planned(**changes: Any) -> dict[str, Any]:
    """What the module answers to preflight on a robot that has nothing yet."""
    declared = {
        "memory_budget_mib": 300,
        "memory_reserve_mib": 150,
        "engine_allowance_mib": 128,
        "limits_mib": {"sensor_service": 32, "victoriametrics": 50},
        "sum_mib": 210,
        "left_mib": 90,
    }
    result = {"asked": "planned", "declared": declared, "robot": {"memory_ceiling_mib": 500.0}, "plan": ["a", "b"]}
    return {**result, "refusals": [], "failed": False, **changes}


def test_a_plan_shows_what_a_robot_has_and_who_gets_how_much() -> None:
    row = plan_row("scout", planned())
    assert dict(zip(PLAN_COLUMNS, row)) == {
        "robot": "scout",
        "RAM": "500",
        "reserve": "150",
        "budget": "300",
        "engine": "128",
        "services": "82",
        "sum": "210",
        "left": "90",
        "outcome": "2 steps",
    }


def test_a_plan_ends_in_steps_a_refusal_or_nothing_to_do() -> None:
    changes: list[dict[str, Any]] = [{"plan": ["a"]}, {"plan": []}, {"refusals": ["r"], "plan": []}, {"failed": True}]
    outcomes = [plan_row("scout", planned(**change))[-1] for change in changes]
    assert outcomes == ["1 step", "as declared", "refused (1 reason)", "failed"]


def test_a_plan_without_an_answer_is_dashes() -> None:
    assert plan_row("scout", {"asked": "planned", "msg": "no Python", "failed": True})[1:4] == ("-", "-", "-")


def test_robots_with_the_same_plan_are_told_together_and_refusals_first() -> None:
    parts = plan_parts({"a": planned(), "b": planned(plan=[], refusals=["too small"]), "c": planned()})
    assert [(heading, told_lines) for heading, told_lines, _ in parts] == [
        ("b: refused, and left as it is:", ["too small"]),
        ("a, c: what would be done:", ["a", "b"]),
    ]


def test_what_a_plan_means_is_told_after_it_once_for_robots_that_are_alike() -> None:
    with_note = planned(declared={"notes": ["vmagent: without the hub it keeps every sample for 223 h"]})
    parts = plan_parts({"a": with_note, "b": planned(), "c": with_note})
    assert [(heading, told_lines) for heading, told_lines, _ in parts][-1] == (
        "a, c: what this means:",
        ["vmagent: without the hub it keeps every sample for 223 h"],
    )


def test_numbers_of_a_plan_stand_under_each_other() -> None:
    texts = aligned([PLAN_COLUMNS, plan_row("scout", planned()), plan_row("a", planned(robot={}))])
    assert len({text.index("300") for text in texts[1:]}) == 1
    assert len({text.index("2 steps") for text in texts[1:]}) == 1


def printed(*results: dict[str, Any]) -> list[str]:
    """Return what is printed after runs on robots called a, b, and so on."""
    said: list[str] = []
    summary = CallbackModule()
    summary._display = SimpleNamespace(banner=said.append, display=lambda text, **_: said.append(text))
    summary._results = dict(zip("abc", results))
    summary.v2_playbook_on_stats(None)
    return said


def test_a_limit_that_is_to_change_is_told_as_what_is_now_against_what_is_declared() -> None:
    why = "the kernel's limit is 64 MiB, declared are 80 MiB"
    service = {"kernel_limit_mib": 64.0, "working_set_mib": 31.2, "verdict": "unlimited", "reasons": [why]}
    said = printed({**answer(services={"victoriametrics": service}), **planned(plan=["recreate it"])})
    heading = "MEMORY NOW, AGAINST WHAT IS DECLARED (MiB)"
    assert said.index(heading) < said.index(f"a victoriametrics: {why}") < said.index("Nothing was changed.")
    assert "MEMORY (MiB)" in printed(answer())


def test_a_bare_robot_is_not_blamed_for_a_stack_that_it_does_not_have() -> None:
    """Its ceiling is none, of course: the plan alone is told."""
    ceiling = {**answer()["budget"], "slice_limit_mib": None, "verdict": "unlimited", "reasons": ["there is none"]}
    said = printed({**answer(services={}, budget=ceiling), **planned()})
    assert "PLAN (MiB)" in said
    assert [line for line in said if "there is none" in line] == []


def test_a_run_that_failed_half_way_says_what_it_changed() -> None:
    assert "scout changed: a" in told({"scout": answer(changed=True, failed=True, plan=["a"])}, {})


FAILED = {
    "failed": True,
    "msg": "sensor_service: its container ended (exit code 2); nothing was running before\nits log says: no such flag",
    "causes": ["sensor_service: its log says: no such flag"],
}


@pytest.mark.parametrize("figures", [{}, answer(rolled_back=["recreate it"])], ids=["nothing measured", "put back"])
@pytest.mark.parametrize("asked", ["present", "restored", "absent", None])
def test_a_failure_outside_of_a_rollout_is_told_with_its_cause(figures: dict[str, Any], asked: str | None) -> None:
    result = {**figures, **FAILED, **({"asked": asked} if asked else {})}
    first = "scout failed: sensor_service: its container ended (exit code 2); nothing was running before"
    assert told({"scout": result}, {})[:2] == [first, "scout: sensor_service: its log says: no such flag"]
    assert not [line for line in told({"scout": result}, {}, in_waves=True) if "log says" in line or "failed" in line]


@pytest.mark.parametrize(
    "otherwise", [{"asked": "verified"}, {"refusals": ["no disk"]}, {"unobserved": ["the engine is silent"]}]
)
def test_a_failure_that_is_told_otherwise_is_not_told_again(otherwise: dict[str, Any]) -> None:
    assert not [line for line in told({"scout": {**FAILED, **otherwise}}, {}) if line.startswith("scout failed")]


def test_what_a_verified_robot_differs_in_is_told_in_words_and_as_a_diff() -> None:
    diff = {
        "after_header": "container x",
        "before": "image: a\nmemory: 64 MiB\n",
        "after": "image: a\nmemory: 32 MiB\n",
    }
    result = answer(asked="verified", plan=["recreate container x"], diff=[diff], failed=True)
    assert differences(result) == [
        "  - recreate container x",
        "    container x",
        "      -memory: 64 MiB",
        "      +memory: 32 MiB",
    ]
    assert not any("would change" in line for line in told({"scout": result}, {}))


def test_a_long_difference_is_cut_short() -> None:
    diff = {"after_header": "f", "before": "", "after": "line\n" * 100}
    shown = differences(answer(asked="verified", plan=["write f"], diff=[diff]))
    assert len(shown) < MOST_DIFF_LINES + 4
    assert "lines more" in shown[-1]


def test_only_a_verification_tells_differences() -> None:
    assert differences(answer(asked="present", plan=["load image"], diff=[])) == []


@pytest.mark.parametrize("asked", ["present", "verified", "planned"])
def test_what_cannot_be_read_is_a_line_of_its_robot(asked: str) -> None:
    sentence = "/var/lib/robot-stack/state.json is empty: site.yml keeps it aside"
    found = records("scout", answer(asked=asked, records=[sentence]))
    assert found == [f"scout: {sentence}"]
    assert found[0] in told({"scout": answer(asked=asked, records=[sentence])}, {})
    before = {"asked": "present", "records": [sentence]}
    assert joined(before, {"asked": "proven"})["records"] == [sentence]


def test_a_judgement_joins_what_was_changed_before_it() -> None:
    before = {"asked": "present", "plan": ["create it"], "changed": True, "verdict": "tight"}
    now = {"asked": "proven", "plan": [], "changed": False, "verdict": "ok"}
    assert joined(before, now) == {"asked": "proven", "plan": ["create it"], "changed": True, "verdict": "ok"}
    assert joined(None, now) == now
    assert joined(now, before) == before


CREATED = answer(asked="present", changed=True, plan=["create it"])
KILLED = {"failed": True, "changed": False, "msg": "Ansible's Python was killed"}  # what asked, it cannot say


def test_what_a_wave_changed_is_told_where_its_judgement_gave_no_answer() -> None:
    found = joined(CREATED, KILLED)
    assert (found["failed"], found["changed"], found["msg"]) == (True, True, KILLED["msg"])
    assert "scout changed: create it" in told({"scout": found}, {})
    assert rows("scout", found) == rows("scout", CREATED), "it was measured after its change"
    again = joined(found, {"asked": "proven", "plan": [], "changed": False})
    assert (again["plan"], again["changed"]) == (["create it"], True)


def test_a_failure_after_no_change_tells_none() -> None:
    assert joined({"asked": "verified", "plan": ["create it"]}, KILLED) == KILLED
    found = joined(answer(asked="present", changed=False), KILLED)
    assert not any("change" in line for line in told({"scout": found}, {}))


def test_what_each_role_changed_is_told_of_a_robot_with_several() -> None:
    idle = answer(asked="present", changed=False, plan=[])
    assert (joined(CREATED, idle)["plan"], joined(CREATED, idle)["changed"]) == (["create it"], True)
    second = answer(asked="present", changed=True, plan=["create another"])
    assert joined(CREATED, second)["plan"] == ["create it", "create another"]
    refused = answer(asked="present", changed=False, plan=["create another"], refusals=["too little disk"])
    assert told({"scout": joined(CREATED, refused)}, {})[:2] == [
        "scout changed: create it",
        "scout refused: too little disk",
    ]
