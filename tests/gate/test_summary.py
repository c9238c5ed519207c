"""The table at the end of a run says what was measured, and nothing that was not."""

from __future__ import annotations

from typing import Any

from plugins.callback.robot_stack_summary import COLUMNS, lines, rows, told


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
            "slice_working_set_mib": 110.0,
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
    assert told({"scout": answer()}, []) == [
        "scout: 90 MiB of its budget are not given to anybody.",
        "Nothing changed.",
    ]


def test_changes_refusals_reasons_and_silent_robots_are_told() -> None:
    changed = answer(changed=True, plan=["start sensor_service"], refusals=["too little disk"])
    changed["engine_usage"]["reasons"] = ["130 of 128 MiB"]
    assert told({"scout": changed}, ["cart"]) == [
        "scout changed: start sensor_service",
        "scout refused: too little disk",
        "scout engine: 130 of 128 MiB",
        "scout: 90 MiB of its budget are not given to anybody.",
        "cart could not be reached.",
    ]


def test_a_plan_that_was_not_carried_out_is_not_told_as_a_change() -> None:
    assert "scout would change: start sensor_service" in told({"scout": answer(plan=["start sensor_service"])}, [])
