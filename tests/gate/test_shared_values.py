"""What robots declare alike is worked out once, and what each of them gets is what Ansible alone would have told it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services import shared_values
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.evaluation import worked_out
from ansible_collections.robotfleet.stack.plugins.plugin_utils.services.shared_values import SharedValues
from hypothesis import given, settings
from hypothesis import strategies as st


def trusted(value: Any) -> Any:
    """Return a value as it comes from an inventory, whose texts are templates."""
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, dict):
        return {key: trusted(one) for key, one in value.items()}
    return [trusted(one) for one in value] if isinstance(value, list) else value


class Fleet:
    """Robots whose variables are asked for, and how often Ansible worked something out for that."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch | None = None) -> None:
        self.shared, self.asked = SharedValues(), 0
        if monkeypatch:
            monkeypatch.setattr(shared_values, "worked_out", self._counted)

    def _counted(self, *arguments: Any) -> Any:
        self.asked += 1
        return worked_out(*arguments)

    def value(self, raw: Any, variables: dict[str, Any]) -> Any:
        templar = Templar(DataLoader(), variables)
        found = self.shared.worked_out(raw, variables, templar)
        assert found == worked_out(raw, templar), "as if nobody shared anything"
        return found[0]


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Fleet:
    return Fleet(monkeypatch)


BASE = trusted(
    {
        "limit": "{{ (budget - 28) // 2 }}",
        "budget": 128,
        "flags": {"size": "{{ limit }}MB", "name": ["a", "{{ words[0] }}"]},
        "words": ["{{ prefix | default('none') }}"],
    }
)


def test_a_thousand_robots_alike_are_one(fleet: Fleet) -> None:
    raw = trusted({"size": "{{ flags.size }}", "again": "{{ limit }}"})
    for number in range(1000):
        assert fleet.value(raw, {**BASE, "inventory_hostname": f"robot-{number}"}) == {"size": "50MB", "again": 50}
    assert fleet.asked == 1


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ({"budget": 228}, "100MB a none"),
        ({"limit": 7}, "7MB a none"),
        ({"prefix": "x"}, "50MB a x"),
        ({"words": ["{{ budget }}"]}, "50MB a 128"),
        ({"flags": {"size": "s", "name": ["b", "c"]}}, "s b c"),
        ({"budget": "{{ 130 }}"}, "51MB a none"),
    ],
)
def test_what_differs_far_away_makes_a_value_a_robots_own(fleet: Fleet, change: dict[str, Any], value: str) -> None:
    raw = trusted("{{ flags.size }} {{ flags.name | join(' ') }}")
    assert fleet.value(raw, BASE) == "50MB a none"
    assert fleet.value(raw, {**BASE, **trusted(change)}) == value
    assert fleet.value(raw, dict(BASE)) == "50MB a none"
    assert fleet.asked == 2


def test_a_robots_name_makes_what_names_it_its_own(fleet: Fleet) -> None:
    raw, path = trusted("{{ path }}/key"), trusted("/srv/{{ inventory_hostname }}")
    for name in ("one", "two"):
        assert fleet.value(raw, {"path": path, "inventory_hostname": name}) == f"/srv/{name}/key"


@pytest.mark.parametrize(
    "raw",
    [
        "{{ hostvars[inventory_hostname].budget }}",
        "{{ vars['bud' ~ 'get'] }}",
        "{{ lookup('vars', 'bud' ~ 'get') }}",
        "{{ query('vars', 'bud' ~ 'get')[0] }}",
        "{{ q('vars', 'bud' ~ 'get')[0] }}",
        "{{ indirect }}",
    ],
)
def test_what_a_template_may_get_from_elsewhere_is_worked_out_for_each(fleet: Fleet, raw: str) -> None:
    for name, budget in (("one", 100), ("two", 200)):
        variables: dict[str, Any] = {"inventory_hostname": name, "budget": budget}
        variables["hostvars"] = {name: {"budget": budget}}
        variables["vars"] = dict(variables)
        variables["indirect"] = trusted("{{ lookup('vars', 'bud' ~ 'get') }}")
        assert fleet.value(trusted(raw), variables) == budget
    assert fleet.asked == 2


@pytest.mark.parametrize(
    "filtered", ["'abc' | password_hash('sha512')", "[1, 2] | ansible.builtin.shuffle", "9 | random"]
)
def test_chance_is_not_shared(fleet: Fleet, filtered: str) -> None:
    for _ in range(3):
        fleet.shared.worked_out(trusted("{{ " + filtered + " }}"), {}, Templar(DataLoader(), {}))
    assert fleet.asked == 3


def test_a_text_that_is_no_template_is_none_for_the_next_robot_either(fleet: Fleet) -> None:
    """What comes from a robot, such as a fact, is never a template, though it may read like one."""
    assert fleet.value("{{ 1 + 1 }}", {}) == "{{ 1 + 1 }}"
    assert fleet.value(trusted("{{ 1 + 1 }}"), {}) == 2
    raw = trusted("{{ text }}")
    assert fleet.value(raw, {"text": "{{ 1 + 1 }}"}) == "{{ 1 + 1 }}"
    assert fleet.value(raw, {"text": trusted("{{ 1 + 1 }}")}) == 2


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), (0, False), ("1", 1), ([1], (True,)), (None, "")])
def test_values_that_are_equal_and_not_the_same_stay_apart(fleet: Fleet, one: Any, other: Any) -> None:
    raw = trusted("{{ it | type_debug }}")
    assert fleet.value(raw, {"it": one}) == fleet.value(raw, {"it": one})
    fleet.value(raw, {"it": other})
    assert fleet.asked == (1 if type(one) is type(other) and one == other else 2)


@pytest.mark.parametrize("broken", ["{{ missing }}", "{{ 1 / 0 }}", "{{ ", "{% if %}", "{{ budget | nosuchfilter }}"])
def test_what_cannot_be_worked_out_has_the_same_reason_for_each(fleet: Fleet, broken: str) -> None:
    first = fleet.shared.worked_out(trusted(broken), {"budget": 1}, Templar(DataLoader(), {"budget": 1}))
    assert first[0] is None
    assert first[1]
    fleet.value(trusted(broken), {"budget": 1})
    fleet.value(trusted("{{ budget }}"), {"budget": trusted(broken)})


NAMES = ("a", "b", "c")


def raws(names: tuple[str, ...]) -> st.SearchStrategy[Any]:
    """Return values as they are written, which may name some variables."""
    parts = ["x", "1", *(f"{{{{ {name} }}}}" for name in names)]
    texts = st.lists(st.sampled_from(parts), max_size=3).map("".join)
    keys = st.sampled_from(["k", "l"])
    return st.one_of(texts, st.integers(0, 2), st.booleans(), st.lists(texts, max_size=2), st.dictionaries(keys, texts))


# Each may name those that come after it: Ansible takes seconds to see that it goes in circles.
ROBOTS = st.fixed_dictionaries({}, optional={name: raws(NAMES[at + 1 :]) for at, name in enumerate(NAMES)})


@settings(max_examples=100, deadline=None)
@given(robots=st.lists(ROBOTS, min_size=2, max_size=4), asked=raws(NAMES))
def test_sharing_changes_no_value(robots: list[dict[str, Any]], asked: Any) -> None:
    fleet = Fleet()
    for variables in robots:
        fleet.value(trusted(asked), trusted(variables))
