"""`Nothing changed.` is said only if nothing did: other tasks' changes are told, too."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.robotfleet.stack.plugins.callback.summary import CallbackModule

OURS = "robotfleet.stack.robot_stack"
REPORT = "robotfleet.stack.performance_report"


class Run:
    """A run whose tasks end as the test says; `said` is what is printed at its end."""

    def __init__(self) -> None:
        self._printed: list[str] = []
        self._summary = CallbackModule()
        show = SimpleNamespace(banner=self._printed.append, display=lambda text, **_: self._printed.append(text))
        self._summary._display = show

    def task(
        self,
        name: str,
        action: str = REPORT,
        host: str = "scout",
        check: bool = False,
        fails: bool = False,
        **result: Any,
    ) -> None:
        told = SimpleNamespace(
            host=SimpleNamespace(get_name=lambda: host),
            task=SimpleNamespace(action=action, check_mode=check, get_name=lambda: name),
            result=result,
            is_changed=lambda: bool(result.get("changed")),
        )
        (self._summary.v2_runner_on_failed if fails else self._summary.v2_runner_on_ok)(told)

    def robot(self, host: str = "scout", **result: Any) -> None:
        self.task("Robot", OURS, host, **{"asked": "present", "changed": False, "plan": [], "refusals": [], **result})

    def starts(self) -> None:
        self._summary.v2_playbook_on_start(None)

    def silent(self) -> None:
        self._summary.v2_runner_on_unreachable(
            SimpleNamespace(host=SimpleNamespace(get_name=lambda: "cart"), result={})
        )

    @property
    def said(self) -> list[str]:
        self._printed.clear()
        self._summary.v2_playbook_on_stats(None)
        return self._printed

    @property
    def words_of_change(self) -> list[str]:
        return [line for line in self.said if "hanged" in line]


@pytest.fixture
def run() -> Run:
    return Run()


def test_a_run_in_which_nothing_changed_says_so(run: Run) -> None:
    run.task("Declarations", changed=False)
    run.robot()
    assert run.words_of_change == ["Nothing changed."]


def test_what_another_task_changed_is_told_once_and_by_its_name(run: Run) -> None:
    run.robot()
    for _ in range(2):  # for one host, and for the next
        run.task("Report is written", changed=True)
    assert run.words_of_change == ["No stack changed; other tasks changed something: Report is written."]


def test_both_kinds_of_changes_are_told(run: Run) -> None:
    run.task("telemetry_hub : Passwords exist", changed=True)
    run.robot(changed=True, plan=["write a file"])
    assert run.words_of_change == [
        "scout changed: write a file",
        "Other tasks changed something: telemetry_hub : Passwords exist.",
    ]


def test_in_check_mode_other_tasks_change_nothing_but_one_that_is_exempt_from_it(run: Run) -> None:
    run.robot(asked="planned")
    run.task("Report is written", check=True, changed=True)
    assert run.words_of_change == ["Nothing was changed."]
    run.task("A cache is filled", check=False, changed=True)
    assert run.words_of_change == ["Other tasks changed something: A cache is filled."]


def test_a_task_that_failed_half_way_leaves_open_what_it_did(run: Run) -> None:
    run.robot()
    run.task("Report is written", fails=True, changed=False)
    assert run.words_of_change == []


def test_a_task_that_failed_and_says_that_it_changed_something_is_believed(run: Run) -> None:
    run.robot()
    run.task("Samples go to the depot", "ansible.builtin.command", fails=True, changed=True)
    assert run.words_of_change == ["No stack changed; other tasks changed something: Samples go to the depot."]


def test_a_task_that_only_judges_changes_nothing_by_failing(run: Run) -> None:
    run.robot()
    run.task("The hall is closed", "ansible.builtin.assert", fails=True, changed=False)
    assert run.words_of_change == ["Nothing changed."]


def test_nothing_is_said_of_robots_that_did_not_answer(run: Run) -> None:
    """Their connection may have broken after the change."""
    run.robot()
    run.silent()
    assert "Nothing changed." not in run.said
    assert run.words_of_change == ["Nothing changed on those that answered."]


def test_a_plan_beside_a_change_is_no_run_without_changes(run: Run) -> None:
    run.robot(changed=True, plan=["write a file"])
    run.robot("cart", asked="planned", plan=["write another"])
    assert run.words_of_change == ["scout changed: write a file"]


def test_a_long_list_is_cut_short_and_no_name_paints_the_terminal(run: Run) -> None:
    run.robot()
    run.task("wiped \x1b[2J", changed=True)
    for number in range(6):
        run.task(f"task {number}", changed=True)
    assert run.words_of_change == [
        r"No stack changed; other tasks changed something: wiped \x1b[2J; task 0; task 1; task 2; task 3; and 2 more."
    ]


def test_a_change_is_told_although_a_later_answer_of_the_robot_failed(run: Run) -> None:
    run.robot(changed=True, plan=["write a file"])
    run.task("Robot is judged", OURS, fails=True, msg="Ansible's Python was killed")
    assert run.words_of_change == ["scout changed: write a file"]


def test_a_change_of_one_role_is_told_although_the_next_changed_nothing(run: Run) -> None:
    run.robot(changed=True, plan=["write a file"])
    run.robot()
    assert run.words_of_change == ["scout changed: write a file"]


def test_what_another_playbook_changed_is_told_with_that_one(run: Run) -> None:
    run.robot(changed=True, plan=["write a file"])
    run.starts()
    run.robot()
    assert run.words_of_change == ["Nothing changed."]


def test_what_ssh_says_in_several_lines_is_kept_as_one() -> None:
    summary = CallbackModule()
    told = SimpleNamespace(host=SimpleNamespace(get_name=lambda: "cart"), result={"msg": "no route:\r\nsee ssh\n"})
    summary.v2_runner_on_unreachable(told)
    assert summary._unreachable == {"cart": "no route: see ssh"}


@pytest.mark.parametrize(("waves", "check", "told"), [(True, False, 0), (True, True, 1), (False, False, 1)])
def test_a_failure_in_a_wave_is_left_to_the_rollouts_own_summary(run: Run, waves: bool, check: bool, told: int) -> None:
    """Which says nothing of a run in check mode."""
    if waves:
        run.task("Waves are planned", "robotfleet.stack.rollout_plan", check=check)
    run.robot(fails=True, msg="sensor_service: its container ended (exit code 2)\nits log says: no such flag")
    assert run.said.count("scout failed: sensor_service: its container ended (exit code 2)") == told
