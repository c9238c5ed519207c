"""A fuzzer over the inventory: whatever YAML can write for any variable is accepted, or refused by robot and variable.

The whole gate is asked, for a robot that keeps its samples, one that sends them away, and a hub.
"""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate import bounds, gate, hub, waves
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.declaration import Secret
from ansible_collections.robotfleet.stack.plugins.plugin_utils.inventory_gate.report import report
from declarations import catalogue, robot
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = sorted(catalogue().options)
HUB = ["telemetry_hub_victoriametrics", "telemetry_hub_vmauth", "telemetry_hub_vmalert"]
MACHINES: dict[str, dict[str, Any]] = {
    "local": {},
    "push": {"robot_stack_telemetry_mode": "push", "vmagent_hub_url": "https://hub:8427", "vmagent_hub_password": "x"},
    "both": {"robot_stack_telemetry_mode": "both", "vmagent_hub_url": "https://hub:8427", "vmagent_hub_password": "x"},
    "hub": {"robot_stack_services": HUB, "robot_stack_memory_budget_mib": 600},
}
WORDS = [
    "1e3", "0x10", "0o7", "010", "1:30", "yes", "~", ".inf", "-.inf", ".nan", "2026-11-28", "2026-11-28T10:00:00Z",
    "!!binary aGk=", "!!set {a, b}", "{1: 2}", "{null: x}", "{[1, 2]: x}", "- - - a", "[[[[]]]]",
    "'{{ x }}'", '"\\x1b[2J"', "|\n  a\n  b\n",
    "9" * 400, "9" * 400 + "h", "-" + "9" * 400, "1e400", "''", '"100%"', '"-5%"', '"\\0"', "&a [1, *a]",
]  # fmt: skip
ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**300, 10**301)
    | st.floats()
    | st.text(max_size=12)
    | st.dates()
    | st.binary(max_size=5)
    | st.sampled_from(["100%", "127.0.0.1:8428", "0.0.0.0:99999", "15s", "30d", "https://u:p@h", "both", "/", "../x"])
)
KEYS = st.text(max_size=8) | st.integers() | st.none() | st.booleans() | st.dates()
YAML = st.recursive(
    ATOMS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=10,
)


def told(kind: str, **written: Any) -> str:
    """Ask the gate as its action does; return what it says, "" where it accepts."""
    made = robot("scout", **{**MACHINES[kind], **written})
    faults = gate.check(made, catalogue()) + waves.agree([made, robot("other")]) + hub.apart([made], {"robots": ["x"]})
    assert all(fault.robot in ("scout", "other") and fault.variable and fault.why for fault in faults)
    message = report(faults, 1) if faults else ""
    message.encode("utf-8", "surrogatepass")
    return message


@pytest.mark.parametrize("kind", MACHINES)
def test_honest_machines_are_accepted(kind: str) -> None:
    assert told(kind) == ""


@given(
    kind=st.sampled_from(sorted(MACHINES)),
    written=st.dictionaries(st.sampled_from(NAMES), YAML, min_size=1, max_size=3),
)
@settings(max_examples=100, deadline=None)
def test_any_value_of_any_variable_is_accepted_or_refused(kind: str, written: dict[str, Any]) -> None:
    told(kind, **written)


@given(kind=st.sampled_from(sorted(MACHINES)), name=st.sampled_from(NAMES), word=st.sampled_from(WORDS))
@settings(max_examples=60, deadline=None)
def test_what_yaml_makes_of_a_word_is_accepted_or_refused(kind: str, name: str, word: str) -> None:
    told(kind, **{name: yaml.safe_load(word) if "[1, 2]:" not in word else {(1, 2): "x"}})


SHAPED = [name for name in NAMES if catalogue().options[name].type in ("dict", "list")]


@pytest.mark.parametrize("name", SHAPED)
@pytest.mark.parametrize("value", [["x"], {"x": ["y"]}, Secret(), [{"a": None}], {1: {2: 3}}], ids=str)
def test_every_variable_with_a_shape_meets_every_other(name: str, value: Any) -> None:
    kind = "hub" if name.startswith("telemetry_hub") else "both"
    message = told(kind, **{name: value})
    assert not message or name in message or "scout" in message


def test_a_value_that_leads_to_itself_is_refused() -> None:
    """As an anchor makes it, inside of itself."""
    around: list[Any] = [1]
    around.append(around)
    for name in SHAPED:
        told("local", **{name: around})


def test_a_value_of_any_depth_is_refused() -> None:
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    for name in SHAPED:
        told("local", **{name: deep})


# Of each number and each duration, where chance may take long to find the one that is counted with.
@pytest.mark.parametrize("kind", MACHINES)
def test_what_is_too_large_to_be_counted_with_is_refused_by_its_name(kind: str) -> None:
    huge: dict[str, int | str] = {name: 10**400 for name, option in catalogue().options.items() if option.type == "int"}
    huge |= {name: "9" * 400 + "h" for name in NAMES if bounds.of_duration(name)}
    assert len(huge) > 40
    assert [name for name, value in huge.items() if name not in told(kind, **{name: value})] == []
