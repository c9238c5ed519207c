"""The report tells what was measured, of every robot, in both of its forms, and believes no robot's text."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.robotfleet.stack.plugins.action.performance_report import earlier
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.ask import history
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.ask.history import MOST_HOURS, MOST_POINTS
from ansible_collections.robotfleet.stack.plugins.plugin_utils.report import (
    formatting,
    measurement,
    pages,
    parse,
    sources,
    tables,
)
from report.answers import NOW, VERSIONS, fine, killed, service, silent
from report.answers import fleet as fleet_of_answers

PROJECT = Path(__file__).resolve().parents[2]
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>|[a](http://evil.example)`</style>\n# {{ 7*7 }}\u202e'


class Page(HTMLParser):
    """Tags, attributes, and the cells of tables by robot, part and key."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.cells: dict[tuple[str, str, str], str] = {}
        self.cell_texts: list[str] = []
        self.words: list[str] = []
        self._row: tuple[str, str] = ("", "")
        self._place: tuple[str, str, str] | None = None
        self._in_cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        found = dict(attrs)
        if tag == "tr":
            self._row = (found.get("data-robot") or "", found.get("data-part") or "")
        if tag == "td":
            place = (*self._row, found.get("data-key") or "")
            self._place = None if place in self.cells else place  # a later table may show the same figure again
            self._in_cell = True
            self.cell_texts.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "td":
            self._place, self._in_cell = None, False

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._in_cell:
            self.cell_texts[-1] += data
        if self._place is not None:
            self.cells[self._place] = self.cells.get(self._place, "") + data


def rendered(answers: dict[str, Any], before: dict[str, Any] | None = None, name: str = "demo") -> dict[str, str]:
    found: dict[str, str] = pages.files(pages.view(measurement.of_fleet(name, answers, VERSIONS), before))
    return found


def page(answers: dict[str, Any]) -> Page:
    return Page(rendered(answers)["performance-budget-report.html"])


def numbers(text: str) -> list[str]:
    return re.findall(r"\d[\d,]*(?:\.\d+)?", text)


def test_every_robot_is_in_the_report_whatever_it_answered() -> None:
    shown = page(fleet_of_answers())
    verdicts = {robot: shown.cells[robot, "", "verdict"] for robot in fleet_of_answers()}
    assert verdicts == {
        "cart": "ok",
        "lift": "tight",
        "scout": "killed",
        "shelf": "unreachable",
        "tug": "differs",
        "void": "unmeasured",
    }


def test_a_robot_with_a_service_that_is_kept_stopped_is_well() -> None:
    answer = fine(verdict="stopped")
    answer["services"]["victoriametrics"] = service(verdict="stopped", reasons=["it is kept stopped"])
    shown = page({"cart": answer})
    assert "1 of 1" in " ".join(shown.words)
    assert ("class", "badge warn") in shown.attributes
    assert ("class", "badge") not in shown.attributes


def test_figures_are_those_that_were_measured() -> None:
    cells = page(fleet_of_answers()).cells
    row = [cells["lift", "victoriametrics", key] for key in ("declared", "limit", "used", "peak", "headroom", "held")]
    assert row == ["50.0", "50.0", "44.4", "46.8", "3.2", "43.2"]
    assert (cells["scout", "victoriametrics", "kills"], cells["scout", "victoriametrics", "restarts"]) == ("7", "7")
    assert (cells["cart", "", "budget"], cells["cart", "", "ceiling"]) == ("300.0", "300.0")


def test_a_limit_that_the_kernel_does_not_have_is_not_shown_as_one() -> None:
    answer = fine()
    answer["services"]["victoriametrics"] = service(kernel_limit_mib=64.0, kernel_swap_mib=None)
    cells = page({"cart": answer}).cells
    row = [cells["cart", "victoriametrics", key] for key in ("declared", "limit", "headroom", "swap")]
    assert row == ["50.0", "64.0", "41.3", "-"]


def test_the_engine_is_counted_in_the_total() -> None:
    cells = page({"cart": fine()}).cells
    assert (cells["cart", "", "services"], cells["cart", "", "engine"]) == ("35.8", "38.7")
    assert (cells["cart", "", "total"], cells["cart", "", "headroom"]) == ("74.5", "225.5")


def test_what_was_not_measured_is_a_dash_and_in_no_sum() -> None:
    shown = page({"cart": fine(), "shelf": silent()})
    assert {shown.cells["shelf", "", key] for key in ("budget", "ceiling", "services", "total")} == {"-"}
    text = " ".join(shown.words)
    assert "1 of 2" in text
    assert "74.5 MiB of 300.0 MiB, engine counted" in " ".join(text.split())
    assert "could not be reached (Failed to connect to the host via ssh: No route to host)" in text


def test_trouble_is_told_with_its_reasons_and_what_to_do() -> None:
    made = rendered(fleet_of_answers())["performance-budget-report.html"]
    told = pages.view(measurement.of_fleet("demo", fleet_of_answers(), VERSIONS))
    assert "scout: victoriametrics is killed: it restarted 7 times since it was deployed" in told.standing_out
    assert "tug: differs from its declaration: start container robot-stack-vmagent" in told.standing_out
    assert any(line.startswith("tug: the engine (38.7 MiB) was there before") for line in told.standing_out)
    assert (
        "lift: victoriametrics is tight in 50.0 MiB (at most 46.8 used); give it more, or less to do."
        in told.next_steps
    )
    assert "shelf: reach it and measure again; nothing is known of its budget." in told.next_steps
    assert all(line in made for line in ("is killed: it restarted 7 times", "reach it and measure again"))


def test_nobody_is_told_to_lower_a_limit_after_an_hour() -> None:
    short = fine()
    short["services"]["victoriametrics"] = service(used=5.0)
    assert any("a lower limit may do" in line for line in _steps(short))
    short["history"]["step_seconds"] = 60
    assert not any("a lower limit may do" in line for line in _steps(short))
    assert "cart: measure for a day before a limit is lowered; its history covers 60 min." not in _steps(fine())


def test_a_robot_that_keeps_no_history_is_told_nothing_of_it() -> None:
    """In mode push that is how it shall be: 500 such robots were 1,000 such lines."""
    pushing = {**fine(), "history": {"measured_at": 1_700_000_000, "faults": [history.KEEPS_NONE]}}
    told = pages.view(measurement.of_fleet("demo", {"cart": pushing}, VERSIONS))
    assert not [line for line in [*told.standing_out, *told.next_steps] if "history" in line]


@pytest.mark.parametrize(
    ("good", "said"), [(100.0, "100 %"), (99.982, "99.98 %"), (99.9999, "99.99 %"), (98.4, "98 %")]
)
def test_reads_that_failed_are_never_told_as_none(good: float, said: str) -> None:
    assert formatting.percent_of_reads(good) == said


def _steps(answer: dict[str, Any]) -> list[str]:
    return list(pages.view(measurement.of_fleet("demo", {"cart": answer}, VERSIONS)).next_steps)


def test_every_number_of_the_tables_is_in_the_markdown() -> None:
    found = rendered(fleet_of_answers())
    cells = Page(found["performance-budget-report.html"]).cell_texts
    markdown = found["performance-budget-report.md"].replace("\\", "")
    there = set(numbers(markdown))
    wanted = {number for cell in cells for number in numbers(cell)}
    assert len(wanted) > 60
    assert wanted - there == set()
    for cell in cells:
        assert f" {cell} |" in markdown, cell


def test_markdown_shows_every_figure_and_each_is_there() -> None:
    found = rendered(fleet_of_answers())
    named = set(re.findall(r"\]\((performance-budget-report-figures/[^)]+)\)", found["performance-budget-report.md"]))
    assert named == {name for name in found if name.endswith(".svg")}
    assert len(named) > 10


def test_each_figure_is_drawn_and_says_in_words_what_it_shows() -> None:
    found = rendered({"cart": fine(), "scout": killed()})
    for name, text in found.items():
        if not name.endswith(".svg"):
            continue
        root = ElementTree.fromstring(text.strip())
        assert root.get("role") == "img"
        described = {root.findtext(f"{SVG}title") or "", root.findtext(f"{SVG}desc") or ""}
        assert min(len(words) for words in described) > 3, name
        marks = [e for e in root.iter() if e.tag in (f"{SVG}rect", f"{SVG}path") and e.get("class")]
        assert marks, name
        assert not re.search(r"nan|inf", " ".join(e.get("d") or "" for e in marks)), name


def test_a_bar_is_as_long_as_its_share_of_the_limit() -> None:
    view = pages.view(measurement.of_fleet("demo", {"cart": fine()}, VERSIONS))
    [meters] = [shown.meters for shown in view.robots]
    assert meters is not None
    [row] = [row for row in meters.rows if row.name == "victoriametrics"]
    track, used = row.bars
    assert used.width / track.width == pytest.approx(20.3 / 50)
    assert ((row.mark or 0) - track.x) / track.width == pytest.approx(22.7 / 50)


@pytest.mark.parametrize(
    ("below", "titles", "words"),
    [
        (True, {"engine", "whole stack"}, "are counts)"),
        (False, {"whole stack, without the engine"}, "counted in the whole stack, not capped"),
    ],
)
def test_an_engine_outside_the_ceiling_is_never_shown_as_zero(below: bool, titles: set[str], words: str) -> None:
    answer = fine()
    answer["engine_usage"]["below_ceiling"] = below
    answer["history"]["services"]["engine"] = {"working_set_mib": [0.1] * 60, "limit_mib": [None] * 60}
    view = pages.view(measurement.of_fleet("demo", {"cart": answer}, VERSIONS))
    [shown] = view.robots
    assert {panel.title for panel in shown.panels if "engine" in panel.title or "stack" in panel.title} == titles
    assert shown.table.caption.endswith(words)


def test_a_gap_in_the_history_is_a_gap_in_the_line() -> None:
    answer = fine()
    values = answer["history"]["services"]["victoriametrics"]["working_set_mib"]
    values[30] = None
    view = pages.view(measurement.of_fleet("demo", {"cart": answer}, VERSIONS))
    [panel] = [panel for panel in view.robots[0].panels if panel.title == "victoriametrics"]
    assert panel.line.count("M") == 2


def test_the_page_needs_nothing_from_anywhere() -> None:
    text = rendered(fleet_of_answers())["performance-budget-report.html"]
    shown = Page(text)
    assert not {"script", "img", "iframe", "object", "embed", "base", "form"} & set(shown.tags)
    links = [value for key, value in shown.attributes if key in ("href", "src", "srcset", "action", "xlink:href")]
    assert [link for link in links if not (link or "").startswith(("#", "data:,"))] == []
    assert not re.search(r"@import|url\(|@font-face", text)


def test_light_dark_and_print_have_every_colour() -> None:
    text = rendered({"cart": fine()})["performance-budget-report.html"]
    used = set(re.findall(r"var\((--[a-z0-9-]+)\)", text))
    blocks = {
        "light": r":root[^{]*\{([^}]*)\}",
        "dark": r"dark\) \{\s*:root[^{]*\{([^}]*)\}",
        "print": r"print \{\s*:root[^{]*\{([^}]*)\}",
    }
    for name, pattern in blocks.items():
        defined = set(re.findall(r"(--[a-z0-9-]+):", " ".join(re.findall(pattern, text))))
        assert used - defined == set(), name


def _in_image(answer: dict[str, Any]) -> None:
    answer["services"]["victoriametrics"]["image"] = HOSTILE


def _in_name(answer: dict[str, Any]) -> None:
    answer["services"][HOSTILE] = service(HOSTILE)
    answer["history"]["services"][HOSTILE] = answer["history"]["services"]["victoriametrics"]
    answer["history"]["collectors"] = [{"name": HOSTILE, "mean_ms": 9.0, "success_percent": 1.0}]


def _in_message(answer: dict[str, Any]) -> None:
    answer.clear()
    answer.update(silent(), msg=HOSTILE)


def _in_sensor(answer: dict[str, Any]) -> None:
    answer["history"]["sensors"][0].update(labels={"zone": HOSTILE}, unit=HOSTILE)


def _in_reason(answer: dict[str, Any]) -> None:
    answer["services"]["victoriametrics"].update(reasons=[HOSTILE], verdict=HOSTILE)


def _in_facts(answer: dict[str, Any]) -> None:
    answer["services"]["victoriametrics"]["cgroup"] = HOSTILE
    answer["robot"].update(kernel=HOSTILE, engine_version=HOSTILE, architecture=HOSTILE)


def _in_fault(answer: dict[str, Any]) -> None:
    answer["history"] = {"measured_at": NOW, "faults": [HOSTILE]}


def _nowhere(answer: dict[str, Any]) -> None:
    """Only the robot's own name is hostile, or the fleet's."""


@pytest.mark.parametrize("name", ["cart", HOSTILE])
@pytest.mark.parametrize(
    "spoil", [_in_image, _in_name, _in_message, _in_sensor, _in_reason, _in_facts, _in_fault, _nowhere]
)
def test_no_text_of_a_robot_becomes_markup(spoil: Any, name: str) -> None:
    answer, fleet_name = fine(), HOSTILE if spoil is _nowhere else "demo"
    spoil(answer)
    found = rendered({name: answer, "plain": fine()}, name=fleet_name)
    plain = Page(rendered({"cart": fine(), "plain": fine()})["performance-budget-report.html"])
    shown = Page(found["performance-budget-report.html"])
    assert "<script" in "".join(shown.words), "it is shown as text"
    assert set(shown.tags) <= set(plain.tags)
    assert not [key for key, _ in shown.attributes if key.startswith("on")]
    assert "alert(1)" not in "".join(value or "" for key, value in shown.attributes if key in ("style", "href", "src"))
    markdown = found["performance-budget-report.md"]
    assert not re.search(r"<\s*/?\s*(script|img|style)", markdown)
    assert not re.search(r"(?<!\\)\]\(http", markdown)
    assert r"\[a\](http&#58;//evil.example)\`" in markdown
    assert "http://evil" not in markdown
    assert not re.search(r"(?m)^# (?!Performance Budget Report$)", markdown)
    assert "49" not in re.findall(r"# (\d\d)", markdown), "no template of a robot is run"
    for text in found.values():
        assert "\u202e" not in text
    for figure in (text for file, text in found.items() if file.endswith(".svg")):
        allowed = {"svg", "title", "desc", "style", "rect", "line", "text", "path", "circle"}
        assert {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(figure.strip()).iter()} <= allowed


@pytest.mark.parametrize("wrong", ["sixteen", [], {"a": 1}, True, float("nan"), None, 10**400])
def test_what_is_no_number_is_a_dash_and_no_reason_to_fail(wrong: Any) -> None:
    answer = fine()
    answer["services"]["victoriametrics"].update(working_set_mib=wrong, kernel_limit_mib=wrong, cgroup=wrong)
    answer["budget"]["memory_budget_mib"] = wrong
    answer["history"]["moments"] = wrong
    answer["disk"] = wrong
    cells = page({"cart": answer}).cells
    assert (cells["cart", "victoriametrics", "used"], cells["cart", "", "budget"]) == ("-", "-")


def test_the_same_data_is_the_same_report(tmp_path: Path) -> None:
    first = rendered(fleet_of_answers())
    again = rendered(dict(reversed(list(fleet_of_answers().items()))))
    assert first == again
    kept = json.loads(first["performance-budget-report.json"])
    assert pages.files(pages.view(kept)) == first
    assert pages.write(first, tmp_path) == sorted(first)
    assert pages.write(again, tmp_path) == []


def test_figures_of_robots_that_have_left_go_and_other_files_stay(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    mine = tmp_path / "figures" / "mine.svg"
    mine.write_text("mine")
    pages.write(rendered({"cart": fine(), "scout": fine()}), tmp_path)
    pages.write(rendered({"cart": fine()}), tmp_path)
    names = {path.name for path in (tmp_path / pages.FIGURES).iterdir()}
    assert "meters-1.svg" in names
    assert "meters-2.svg" not in names
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("changes", [{}, {"format": 7, "new": 1}])
def test_an_earlier_or_a_later_versions_report_can_be_compared(tmp_path: Path, changes: dict[str, Any]) -> None:
    data = tmp_path / "before.json"
    data.write_text(json.dumps({**measurement.of_fleet("demo", {"cart": fine()}, VERSIONS), **changes}))
    before = earlier(str(data))
    assert before is not None
    assert "cart" in before["robots"]
    assert rendered({"cart": fine()}, before)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "7",
        "[" * 99_999,
        '{"format": 1}',
        '{"format": "1", "robots": {}}',
        '{"format": 3, "least_format": 2, "robots": {}}',
    ],
)
def test_what_is_no_report_is_not_compared(tmp_path: Path, text: str) -> None:
    (tmp_path / "before.json").write_text(text)
    with pytest.raises(AnsibleActionFail, match="report_before"):
        earlier(str(tmp_path / "before.json"))


def test_an_earlier_report_is_compared_over_the_robots_that_both_measured() -> None:
    before = fine()
    before["services"]["victoriametrics"]["working_set_mib"] = 40.6
    old = measurement.of_fleet("demo", {"cart": before, "gone": fine(), "shelf": fine()}, VERSIONS)
    found = rendered({"cart": fine(), "shelf": silent()}, old)
    cells = Page(found["performance-budget-report.html"]).cells
    row = [cells["", "victoriametrics", key] for key in ("robots", "before", "after", "change")]
    assert row == ["1", "40.6", "20.3", "-50 %"]
    assert "| victoriametrics | 1 | 40.6 | 20.3 | -50 % |" in found["performance-budget-report.md"].replace("\\", "")


@pytest.mark.parametrize("version", [1, 2])
def test_the_files_said_to_be_read_are_those_that_the_robot_reads(version: int) -> None:
    read = (PROJECT / "plugins/module_utils/robot_stack/host/cgroup.py").read_text()
    for words in sources.FILES[version].values():
        for word in re.findall(r"[a-z_.]*(?:memory\.[a-z_.]+|total_[a-z_]+|inactive_file|oom_kill)\b", words):
            assert f'"{word.rstrip(".")}"' in read, word
    answer = fine()
    answer["robot"]["cgroup_version"] = version
    [robot] = parse.robots(measurement.of_fleet("demo", {"cart": answer}, VERSIONS))
    name = tables.limit_file(robot, robot.services[0]).rsplit("/", 1)[1]
    assert name == sources.FILES[version]["limit"]


def test_nothing_but_the_known_answer_is_kept() -> None:
    answer = fine(diff=[{"after": "hunter2"}], invocation={"module_args": {"services": "hunter2"}})
    assert "hunter2" not in json.dumps(rendered({"cart": answer}))


def test_a_long_answer_is_cut() -> None:
    answer = fine(refusals=["x" * 10_000] * 10_000)
    kept = measurement.of_fleet("demo", {"cart": answer}, VERSIONS)["robots"]["cart"]["refusals"]
    assert (len(kept), kept[0]) == (2000, "x" * 500 + "... (9500 characters more)")


def _far(answer: dict[str, Any]) -> None:
    answer["history"]["moments"][-1] = 10**12


def test_a_service_that_one_report_could_not_read_has_not_grown() -> None:
    """It was down when the earlier one was made: its robot is left out of its row, and of the sums."""
    down = fine()
    down["services"]["victoriametrics"]["working_set_mib"] = None
    old = measurement.of_fleet("demo", {"cart": down, "tug": fine()}, VERSIONS)
    cells = Page(rendered({"cart": fine(), "tug": fine()}, old)["performance-budget-report.html"]).cells
    for part in ("victoriametrics", "total memory"):
        assert [cells["", part, key] for key in ("robots", "change")] == ["1", "0 %"], part
    assert cells["", "sensor_service", "robots"] == "2"
    alone = measurement.of_fleet("demo", {"cart": down}, VERSIONS)
    cells = Page(rendered({"cart": fine()}, alone)["performance-budget-report.html"]).cells
    assert cells["", "victoriametrics", "change"] == cells["", "total memory", "change"] == "-"


def _before_all_time(answer: dict[str, Any]) -> None:
    answer["history"]["moments"][0] = -1


def _backwards(answer: dict[str, Any]) -> None:
    answer["history"]["moments"].reverse()


def _over_ages(answer: dict[str, Any]) -> None:
    answer["history"]["moments"] = [number * 10**8 for number in range(60)]


def _no_number(answer: dict[str, Any]) -> None:
    answer["history"]["moments"][7] = "noon"


@pytest.mark.parametrize("spoil", [_far, _before_all_time, _backwards, _over_ages, _no_number])
def test_moments_that_cannot_be_right_cost_no_other_robot_its_report(spoil: Any) -> None:
    answer = fine()
    spoil(answer)
    shown = pages.view(measurement.of_fleet("demo", {"cart": answer, "plain": fine()}, VERSIONS))
    assert pages.files(shown)
    cart, plain = shown.robots
    assert (cart.panels, len(plain.panels)) == ([], 4)
    assert f"cart: history: {parse.NO_MOMENTS}" in shown.standing_out
    assert not [line for line in shown.standing_out if line.startswith("plain:")]


def test_a_history_as_long_as_one_may_be_is_shown() -> None:
    answer, step = fine(), MOST_HOURS * 60
    answer["history"].update(step_seconds=step, moments=[NOW - step * (59 - n) for n in range(60)])
    [shown] = pages.view(measurement.of_fleet("demo", {"cart": answer}, VERSIONS)).robots
    assert (len(shown.panels), shown.robot.history.faults) == (4, [])


def test_a_budget_below_nothing_is_not_drawn() -> None:
    answer = fine(services={}, engine_usage={})
    answer["budget"]["memory_budget_mib"] = -5
    assert pages.view(measurement.of_fleet("demo", {"cart": answer}, VERSIONS)).budgets is None


def test_next_to_nothing_has_no_share_in_a_comparison() -> None:
    before = fine()
    before["services"]["victoriametrics"]["working_set_mib"] = 5e-324
    found = rendered({"cart": fine()}, measurement.of_fleet("demo", {"cart": before}, VERSIONS))
    cells = Page(found["performance-budget-report.html"]).cells
    assert [cells["", "victoriametrics", key] for key in ("before", "after", "change")] == ["0.0", "20.3", "-"]


def _engine_over(answer: dict[str, Any]) -> None:
    reason = "the engine holds 140.0 MiB, its allowance is 128.0 MiB"
    answer["engine_usage"].update(unreclaimable_mib=140.0, verdict="over budget", reasons=[reason])


def _stack_over(answer: dict[str, Any]) -> None:
    answer["budget"].update(verdict="over budget", reasons=["engine and services hold 310.0 MiB of 300.0 MiB"])


def _no_ceiling(answer: dict[str, Any]) -> None:
    reason = "the ceiling over the stack is none, declared are 300.0 MiB"
    answer["budget"].update(slice_limit_mib=None, verdict="unlimited", reasons=[reason])


def _failed_otherwise(answer: dict[str, Any]) -> None:
    answer["msg"] = "the backup of victoriametrics failed 2026-01-01 00:00:00 UTC: the disk is full"


@pytest.mark.parametrize(
    ("spoil", "verdict", "found", "step"),
    [
        (_engine_over, "over budget", "engine is over budget: the engine holds 140.0", "raise container_engine_"),
        (_stack_over, "over budget", "whole stack is over budget: engine and", "raise robot_stack_memory_budget_mib"),
        (_no_ceiling, "unlimited", "whole stack is unlimited: the ceiling", "run playbooks/site.yml"),
        (_failed_otherwise, "ok", "failed: the backup of victoriametrics failed", "its outcome is differs"),
    ],
)
def test_whatever_did_not_pass_stands_out_and_has_a_next_step(spoil: Any, verdict: str, found: str, step: str) -> None:
    answer = fine(verdict=verdict, failed=True)
    answer["services"]["victoriametrics"] = service(used=25.0)  # nothing to be said of it
    spoil(answer)
    told = pages.view(measurement.of_fleet("demo", {"cart": answer}, VERSIONS))
    assert any(line.startswith(f"cart: {found}") for line in told.standing_out)
    [line] = told.next_steps
    assert step in line


def test_a_fleet_near_its_limits_is_not_said_to_have_room() -> None:
    answer = fine()
    page_cache = service("sensor_service", 32.0, 27.5)
    answer["services"] = {"sensor_service": page_cache, "victoriametrics": service(used=25.0)}
    found = rendered({"cart": answer})
    assert any("reached 29.9 of 32.0 MiB" in word for word in Page(found["performance-budget-report.html"]).words)
    for name in ("performance-budget-report.html", "performance-budget-report.md"):
        assert "Nothing: every robot is what its inventory declares" in found[name]
        assert "room" not in found[name].split("Nothing: every robot")[1].split("\n")[0]


def test_an_earlier_report_that_is_too_large_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement, "LARGEST_BYTES", 1 << 20)
    data, content = tmp_path / "before.json", json.dumps(measurement.of_fleet("demo", {"cart": fine()}, VERSIONS))
    data.write_text(content.ljust(1 << 20))
    assert "cart" in (earlier(str(data)) or {})["robots"]
    data.write_text(content.ljust((1 << 20) + 1))
    with pytest.raises(AnsibleActionFail, match=r"before\.json cannot be read: it is larger than 1 MiB"):
        earlier(str(data))


def test_the_data_of_a_large_fleet_with_a_long_history_can_be_read_again() -> None:
    answer, step = fine(), 3600
    of_one = {"working_set_mib": [123.4] * MOST_POINTS, "limit_mib": [128.0] * MOST_POINTS}
    answer["history"].update(
        step_seconds=step,
        moments=[NOW - step * (MOST_POINTS - 1 - n) for n in range(MOST_POINTS)],
        services=dict.fromkeys(("engine", "robotstack", "sensor_service", "victoriametrics", "vmagent"), of_one),
        sensors=[{"name": f"sensor {n}", "unit": "°C", "values": [41.25] * MOST_POINTS} for n in range(4)],
    )
    written = rendered({"cart": answer})["performance-budget-report.json"].encode()
    assert len(written) * 4000 < measurement.LARGEST_BYTES


def test_a_message_of_several_lines_is_one_without_signs_of_its_own() -> None:
    refused = {"failed": True, "msg": "refused, for 2 reason(s):\n- too little disk\n- no memory\tcontroller\n"}
    kept = measurement.of_robot(refused)["message"]
    assert kept == "refused, for 2 reason(s): - too little disk - no memory controller"
    silent_one = {"unreachable": True, "msg": "Failed to connect:\r\nNo route\x1b[2J"}
    assert measurement.of_robot(silent_one)["message"] == "Failed to connect: No route\\x1b[2J"
