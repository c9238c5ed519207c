"""The report, written by its playbook and opened in a browser, shows what the kernels of its robots say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from browsing import chromium
from playwright.sync_api import Page
from waiting import until

PROJECT = Path(__file__).resolve().parents[3]
ARTIFACTS = PROJECT / ".artifacts" / "report"
NAME = "performance-budget-report"
MIB = 1024 * 1024
SERVICES = ("sensor_service", "victoriametrics")
# a robot of the inventory at whose port nothing listens
GONE = "robots: {hosts: {gone: {testbed_ssh_port: 22179}}}\n"
DRAWN = """all => all.map(svg => [svg.querySelector('title').textContent,
  [...svg.querySelectorAll('rect, path, circle')]
    .map(shape => shape.getBBox()).filter(box => box.width + box.height > 2).length,
  svg.getBoundingClientRect().width])"""
CELLS = """all => all.map(cell => [cell.parentElement.dataset.robot, cell.parentElement.dataset.part,
  cell.dataset.key, cell.innerText])"""


@dataclass
class Opened:
    """What a browser saw of a page."""

    cells: dict[tuple[str, str, str], str]
    drawn: list[tuple[str, int, float]]
    requests: list[str]
    complaints: list[str]
    background: str
    widths: dict[int, int]


def write(playbook: Any, directory: Path, *arguments: str) -> Any:
    return playbook("playbooks/report.yml", "-e", f"report_directory={directory}", *arguments)


def data(directory: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((directory / f"{NAME}.json").read_text())
    return found


def opened(directory: Path, scheme: Any, screenshot: str = "") -> Opened:
    """Open the page of a directory in light or dark, as a file, without a network."""
    requests: list[str] = []
    complaints: list[str] = []
    with chromium() as browser:
        page = browser.new_page(color_scheme=scheme, viewport={"width": 1240, "height": 900})
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto((directory / f"{NAME}.html").as_uri())
        if screenshot:
            page.screenshot(path=str(ARTIFACTS / screenshot), full_page=True)
        return _seen(page, requests, complaints)


def _seen(page: Page, requests: list[str], complaints: list[str]) -> Opened:
    cells: dict[tuple[str, str, str], str] = {}
    for robot, part, key, text in page.eval_on_selector_all("td[data-key]", CELLS):
        cells.setdefault((robot, part, key), text)
    drawn = [(str(title), int(count), float(width)) for title, count, width in page.eval_on_selector_all("svg", DRAWN)]
    background = str(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    widths = {}
    for width in (1240, 390):
        page.set_viewport_size({"width": width, "height": 900})
        widths[width] = int(page.evaluate("document.documentElement.scrollWidth"))
    return Opened(cells, drawn, requests, complaints, background, widths)


@pytest.fixture(scope="session")
def report(playbook: Any) -> Path:
    """The report, written anew until every robot's history has something to draw."""

    def has_something_to_draw() -> bool:
        done = write(playbook, ARTIFACTS)
        assert done.returncode == 0, done.stdout
        assert f"written to {ARTIFACTS / NAME}.html" in done.stdout
        assert "No stack changed; other tasks changed something: Report is written." in done.stdout
        known = [robot.get("history", {}) for robot in data(ARTIFACTS)["robots"].values()]
        return all(len(history.get("moments", [])) >= 12 and history.get("scrapes") for history in known)

    until(has_something_to_draw, "every robot has a history", pause=5)
    return ARTIFACTS


@pytest.fixture(scope="session")
def light(report: Path) -> Opened:
    return opened(report, "light", "light.png")


@pytest.fixture(scope="session")
def dark(report: Path) -> Opened:
    return opened(report, "dark", "dark.png")


def test_limits_in_the_page_are_those_of_the_kernel(robot: Any, light: Opened) -> None:
    for service in SERVICES:
        directory = robot.cgroup(robot.pid(service))
        memory, both = robot.limits(directory)
        shown = {key: light.cells[robot.name, service, key] for key in ("limit", "swap", "declared", "file")}
        assert float(shown["limit"]) == memory / MIB == robot.declared(f"{service}_memory_limit_mib")
        assert (float(shown["swap"]), float(shown["declared"])) == ((both - memory) / MIB, memory / MIB)
        assert shown["file"].startswith(f"{directory}/")
        assert int(robot.run(f"cat {shown['file']}")) == memory


def test_the_ceiling_in_the_page_is_that_of_the_kernel(robot: Any, light: Opened) -> None:
    service = robot.cgroup(robot.pid("victoriametrics"))
    ceiling, _ = robot.limits(service[: service.index("robotstack.slice") + len("robotstack.slice")])
    places = (("", "budget"), ("", "ceiling"), ("whole stack", "limit"))
    cells = [light.cells[robot.name, part, key] for part, key in places]
    assert {float(cell) for cell in cells} == {ceiling / MIB} == {robot.declared("robot_stack_memory_budget_mib")}


def test_what_the_robot_is_stands_in_the_page(robot: Any, light: Opened) -> None:
    assert light.cells[robot.name, "", "kernel"] == robot.run("uname -r").strip()
    version = robot.run("docker version -f '{{.Server.Version}}'").strip()
    assert light.cells[robot.name, "", "engine_version"] == version
    assert light.cells[robot.name, "", "verdict"] == "ok"


def test_use_in_the_page_is_what_the_kernel_counts(robot: Any, light: Opened) -> None:
    """A service's memory moves: it is compared within a quarter of its limit."""
    for service in SERVICES:
        directory, used = robot.cgroup(robot.pid(service)), float(light.cells[robot.name, service, "used"])
        stat: dict[str, str] = dict(line.split() for line in robot.run(f"cat {directory}/memory.stat").splitlines())
        file = "memory.usage_in_bytes" if "total_rss" in stat else "memory.current"
        idle = stat["total_inactive_file" if "total_rss" in stat else "inactive_file"]
        now = (int(robot.run(f"cat {directory}/{file}")) - int(idle)) / MIB
        assert used > 1
        assert used == pytest.approx(now, abs=robot.declared(f"{service}_memory_limit_mib") / 4)


def highest_working_set(robot: Any, service: str, seconds: int, moment: float) -> float:
    """What the robot's own database says of the ``seconds`` before ``moment`` (MiB)."""
    query = _quoted(f'max_over_time(container_memory_working_set_bytes{{service="{service}"}}[{seconds}s])')
    # nocache: at that very moment, although it is less than 30 s ago
    answer = json.loads(robot.get(f"http://127.0.0.1:8428/api/v1/query?query={query}&time={moment}&nocache=1"))
    return float(answer["data"]["result"][0]["value"][1]) / MIB


def test_history_in_the_report_is_the_robots_own(robot: Any, report: Path) -> None:
    history = data(report)["robots"][robot.name]["history"]
    assert history["faults"] == []
    step, count = history["step_seconds"], len(history["moments"])
    for service in SERVICES:
        values = [value for value in history["services"][service]["working_set_mib"] if value is not None]
        assert len(values) >= 10
        # a sample at the first edge belongs to this step or to the one before it; what came in last could not be
        # searched yet when the report asked
        least = highest_working_set(robot, service, (count - 2) * step, history["moments"][-2])
        most = highest_working_set(robot, service, (count + 1) * step, history["moments"][-1])
        assert least - 0.1 <= max(values) <= most + 0.1
        limits = {limit for limit in history["services"][service]["limit_mib"] if limit is not None}
        assert limits == {robot.declared(f"{service}_memory_limit_mib")}


def _quoted(query: str) -> str:
    return "".join(f"%{ord(sign):02X}" if sign in '{}"[]=' else sign for sign in query)


def test_the_page_asks_nobody_for_anything(light: Opened, dark: Opened) -> None:
    for seen in (light, dark):
        assert seen.requests == [(ARTIFACTS / f"{NAME}.html").as_uri()]
        assert seen.complaints == []


def test_every_figure_is_drawn(light: Opened, dark: Opened) -> None:
    titles = [title for title, _, _ in light.drawn]
    assert titles == [title for title, _, _ in dark.drawn]
    assert titles[0].startswith("Budget of each robot")
    # a robot has its meters, its scrapes, and a panel for each service, the whole stack and a sensor at least
    assert len(titles) >= 1 + 2 * (1 + 1 + 4)
    assert [drawn for drawn in light.drawn if drawn[1] < 2 or drawn[2] < 200] == []


def test_the_page_follows_the_reader_into_the_dark(light: Opened, dark: Opened) -> None:
    def brightness(seen: Opened) -> int:
        return sum(int(word) for word in seen.background.removeprefix("rgb(").rstrip(")").split(","))

    assert brightness(light) > 3 * 200
    assert brightness(dark) < 3 * 60


def test_the_page_fits_a_desk_and_a_telephone(light: Opened) -> None:
    assert light.widths == {1240: 1240, 390: 390}


def test_a_second_report_of_the_same_data_writes_nothing(report: Path, playbook: Any, tmp_path: Path) -> None:
    """Robots' memory moves, so the data differs; what was written must follow from it alone."""
    done = write(playbook, tmp_path)
    assert done.returncode == 0, done.stdout
    assert set(data(tmp_path)["robots"]) == set(data(report)["robots"])
    made = {path.name for path in report.rglob("*") if path.suffix in (".html", ".md", ".json", ".svg")}
    assert made == {path.name for path in tmp_path.rglob("*") if path.is_file()}


def test_an_earlier_report_is_compared(report: Path, playbook: Any, tmp_path: Path) -> None:
    done = write(playbook, tmp_path, "-e", f"report_before={report / NAME}.json")
    assert done.returncode == 0, done.stdout
    assert "Use before and after" in (tmp_path / f"{NAME}.md").read_text()
    wrong = write(playbook, tmp_path, "-e", "report_before=README.md")
    assert wrong.returncode != 0
    assert "report_before README.md cannot be read" in wrong.stdout


def test_nothing_changes_on_a_robot(robot: Any, playbook: Any, tmp_path: Path) -> None:
    """The services' data and what the watchdog notes of its own accord change all the time."""

    def picture() -> list[str]:
        pruned = "-name data -prune -o -name state.json -prune -o"
        listed = robot.run(
            f"find /var/lib/robot-stack /etc/systemd/system -mindepth 1 {pruned} -printf '%p %T@ %m %s\\n'"
        )
        return [listed, *(robot.started_at(service) for service in SERVICES)]

    before = picture()
    assert write(playbook, tmp_path, "--limit", robot.name).returncode == 0
    assert picture() == before


@pytest.fixture
def gone(tmp_path: Path) -> str:
    inventory = tmp_path / "gone.yml"
    inventory.write_text(GONE)
    return str(inventory)


def test_a_robot_that_cannot_be_reached_is_told_and_fails_the_run(playbook: Any, gone: str, tmp_path: Path) -> None:
    done = write(playbook, tmp_path / "out", "-i", gone)
    assert done.returncode != 0
    assert done.stdout.index("written to") < done.stdout.index("gone could not be reached; the report says so")
    seen = opened(tmp_path / "out", "light")
    verdicts = {robot: seen.cells[robot, "", "verdict"] for robot in ("default-budget", "small-budget", "gone")}
    assert verdicts == {"default-budget": "ok", "small-budget": "ok", "gone": "unreachable"}


def test_a_fleet_that_cannot_be_reached_at_all_still_has_a_report(playbook: Any, gone: str, tmp_path: Path) -> None:
    done = write(playbook, tmp_path / "out", "-i", gone, "--limit", "gone")
    assert done.returncode != 0
    assert opened(tmp_path / "out", "light").cells["gone", "", "verdict"] == "unreachable"


@pytest.fixture
def without_sensors(robot: Any) -> Iterator[Any]:
    # without its watchdog, which would start it
    robot.run("systemctl stop robot-stack-watchdog.timer && docker stop robot-stack-sensor_service")
    yield robot
    robot.run("docker start robot-stack-sensor_service && systemctl start robot-stack-watchdog.timer")


def test_a_robot_that_fails_is_told_and_fails_the_run(without_sensors: Any, playbook: Any, tmp_path: Path) -> None:
    done = write(playbook, tmp_path)
    assert done.returncode != 0
    assert f"written to {tmp_path / NAME}.html" in done.stdout
    robots = data(tmp_path)["robots"]
    assert {name: robot["failed"] for name, robot in robots.items()} == {
        name: name == without_sensors.name for name in robots
    }
    cells = opened(tmp_path, "light").cells
    assert cells[without_sensors.name, "sensor_service", "verdict"] == "down"
    assert cells[without_sensors.name, "", "verdict"] == "down"
