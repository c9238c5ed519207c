"""Further groups of rules are ones that vmalert reads, and take no group of ours along."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import gate, rule_groups
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Fault
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.report import report
from declarations import PROJECT, catalogue, robot
from hypothesis import given
from hypothesis import strategies as st
from rendering import rendered_template

OWN = yaml.safe_load((PROJECT / "roles/telemetry_hub/vars/main.yml").read_text(encoding="utf-8"))
HUB = {
    "robot_stack_services": ["sensor_service", *OWN["telemetry_hub_components"]],
    "robot_stack_memory_budget_mib": 600,
}
VARIABLE = "telemetry_hub_rule_groups_extra"
ALERT = {"alert": "Lost", "expr": "up == 0"}


def faults(*groups: Any, **more: Any) -> list[Fault]:
    return gate.check(robot("hub", **HUB, **{VARIABLE: list(groups)}, **more), catalogue())


def group(**more: Any) -> dict[str, Any]:
    return {"name": "own", "rules": [ALERT], **more}


def rule(**more: Any) -> dict[str, Any]:
    return group(rules=[{**ALERT, **more}])


@pytest.mark.parametrize(
    ("groups", "named"),
    [
        ([{}], "name"),
        ([{"nmae": "own"}], "name"),
        ([{"name": None, "rules": []}], "name"),
        ([{"name": "", "rules": []}], "name"),
        ([group(nmae="x")], "nmae"),
        ([group(name="robots")], "robots"),
        ([group(name="telemetry_hub")], "telemetry_hub"),
        ([group(), group()], "own"),
        ([group(rules="x")], "rules"),
        ([group(rules={"alert": "x"})], "rules"),
        ([group(rules=["up == 0"])], "rules"),
        ([group(interval="5 min")], "interval"),
        ([group(interval="")], "interval"),
        ([group(eval_delay="soon")], "eval_delay"),
        ([group(limit="10")], "limit"),
        ([group(limit=-1)], "limit"),
        ([group(concurrency=-2)], "concurrency"),
        ([group(type="loki")], "type"),
        ([group(labels=["a"])], "labels"),
        ([group(params={"a": "b"})], "params"),
        ([group(headers=["hunter2"])], "headers"),
        ([group(debug="true")], "debug"),
        ([group(rules=[{"alert": "Lost"}])], "expr"),
        ([rule(expr="")], "expr"),
        ([rule(expr=["up"])], "expr"),
        ([rule(expr=None)], "expr"),
        ([rule(record="x")], "record"),
        ([group(rules=[{"expr": "up"}])], "alert"),
        ([rule(alert="")], "alert"),
        ([rule(**{"for": "5 min"})], "for"),
        ([rule(keep_firing_for="2x")], "keep_firing_for"),
        ([rule(fro="5m")], "fro"),
        ([rule(labels={"__name__": "x"})], "__name__"),
        ([rule(labels={"a": ["b"]})], "labels"),
        ([rule(annotations="lost")], "annotations"),
        ([group(rules=[ALERT, dict(ALERT)])], "twice"),
    ],
    ids=str,
)
def test_a_group_with_which_no_rule_would_be_read_is_refused(groups: list[Any], named: str) -> None:
    (found,) = faults(*groups)
    assert (found.robot, found.variable) == ("hub", VARIABLE)
    assert named in found.why
    assert found.remedy
    assert "hunter2" not in report([found], 1)


def test_what_is_told_names_the_group_and_the_rule() -> None:
    (found,) = faults(rule(**{"for": "5 min"}))
    assert found.value == '"own"'
    assert found.why.startswith('of the rule Lost: for is "5 min", and takes a duration')


@pytest.mark.parametrize(
    "groups",
    [
        [],
        [group()],
        [group(name=5), group(name="Robots"), group(name="robot_stack_memory_budget")],
        [{"name": "own"}],
        [{"name": "own", "rules": None}],
        [
            group(
                interval="1m", limit=0, concurrency=2, type="prometheus", labels={"team": 3}, params={"nocache": ["1"]}
            )
        ],
        [group(headers=["X-Site: a"], notifier_headers=[], debug=True, eval_alignment=False, eval_delay=30)],
        [group(interval="2m", eval_offset="1m30s")],
        [
            rule(
                **{"for": "1h30m"}, keep_firing_for="5m", labels={"severity": "critical"}, annotations={"summary": None}
            )
        ],
        [group(rules=[{"record": "a:b", "expr": 1}, {"record": "a:b", "expr": 2}])],
        [group(rules=[ALERT, {**ALERT, "labels": {"severity": "critical"}}])],
        [rule(update_entries_limit=5, debug=None)],
    ],
    ids=str,
)
def test_a_group_that_is_read_is_taken(groups: list[Any]) -> None:
    assert faults(*groups) == []


def test_of_another_version_no_field_is_called_unknown() -> None:
    assert len(faults(group(brand_new=1))) == len(faults(rule(brand_new=1))) == 1
    assert faults(group(brand_new=1, rules=[{**ALERT, "brand_new": 1}]), telemetry_hub_version="v9.0.0") == []


def test_a_hub_without_vmalert_reads_none() -> None:
    assert faults({"nmae": "x"}, telemetry_hub_vmalert_enabled=False) == []


def test_the_names_that_are_taken_are_those_of_the_file_that_further_groups_are_in() -> None:
    template = PROJECT / "roles/telemetry_hub/templates/fleet_rules.yml.j2"
    made = yaml.safe_load(rendered_template(template, telemetry_hub_secrets_optional=True))
    assert {one["name"] for one in made["groups"]} == set(rule_groups.OURS)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["name", "rules", "interval", "limit", "labels", "type", "params", "eval_offset"]


@given(st.dictionaries(st.sampled_from(FIELDS), ANYTHING), st.dictionaries(st.sampled_from([*ALERT, "for"]), ANYTHING))
def test_any_group_gets_an_answer_and_never_an_exception(found: dict[str, Any], inner: dict[str, Any]) -> None:
    report(faults(found, {"name": "own", "rules": [inner]}), 1, "host")
