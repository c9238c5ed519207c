"""The service of docs/adding-a-service.md, word for word: deployed, limited, refused, put back, reported, removed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from how_to import commands, files, write_roles
from waiting import until

PROJECT = Path(__file__).resolve().parents[3]
HOME = PROJECT / ".artifacts" / "own_service"  # whose folder of roles is where the page has it
ROLES = HOME / "my-roles"
PROGRAM = ROLES / "my_service" / "files" / "image" / "program.py"
os.environ["ANSIBLE_ROLES_PATH"] = str(ROLES)
MIB = 1024 * 1024
OURS = ("sensor_service", "victoriametrics")
LIMIT = "my_service_memory_limit_mib"


@pytest.fixture(autouse=True)
def as_the_page_shows_it(playbook: Any) -> Iterator[None]:
    """A test may write other programs; the next one finds the page's."""
    yield
    if PROGRAM.read_text(encoding="utf-8") != files()["my-roles/my_service/files/image/program.py"]:
        write_roles(ROLES)
        deployed(playbook)


def run(playbook: Any, name: str, *more: str, **variables: Any) -> Any:
    return playbook(f"playbooks/{name}.yml", "-e", json.dumps(variables), *more)


def deployed(playbook: Any, *more: str, **variables: Any) -> str:
    done = run(playbook, "site", *more, **variables)
    assert done.returncode == 0, done.stdout
    return str(done.stdout)


def refused(robot: Any, playbook: Any, **variables: Any) -> str:
    """Run with what the gate refuses; return its message. The robot stays as it is."""
    before = started(robot)
    done = run(playbook, "site", **variables)
    assert done.returncode != 0
    assert "No robot was contacted." in done.stdout
    assert started(robot) == before
    return str(done.stdout)


def started(robot: Any, *services: str) -> dict[str, str]:
    return {service: robot.started_at(service) for service in services or (*OURS, "my_service")}


def page(robot: Any) -> str:
    """What the program answers; one that was just put back may not listen yet."""

    def answer() -> str:
        try:
            return str(robot.get("http://127.0.0.1:9200/metrics"))
        except AssertionError:
            return ""

    return until(answer, "the program answers")


def test_what_is_deployed_is_what_the_page_shows() -> None:
    for name, text in files().items():
        if name.startswith("my-roles/"):
            assert (ROLES / name.partition("/")[2]).read_text(encoding="utf-8") == text


def test_the_kernel_enforces_its_limit(robot: Any) -> None:
    assert robot.limits(robot.cgroup(robot.pid("my_service"))) == (32 * MIB, 32 * MIB)


def test_its_page_is_read(robot: Any) -> None:
    assert "my_service_topics 20" in page(robot)
    assert robot.query("my_service_uptime_seconds"), "VictoriaMetrics does not read it"


def test_the_pages_commands_find_the_role_and_there_is_nothing_left_to_do(robot: Any) -> None:
    before = started(robot)
    shared, own = PROJECT / "molecule" / "shared", Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"])
    environment = {name: value for name, value in os.environ.items() if name != "ANSIBLE_ROLES_PATH"}
    environment |= {
        "HOME": str(HOME),
        # what else is below somebody's home stays where it is
        "ANSIBLE_HOME": str(Path.home() / ".ansible"),
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"),
        "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"),
        "ANSIBLE_FORCE_COLOR": "0",
    }
    argv = ["bash", "-euc", commands(str(shared / "inventory"), str(own / "inventory"))]
    done = subprocess.run(argv, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^worker +: ok=.* changed=(\d+) ", done.stdout, re.MULTILINE) == ["0", "0"], done.stdout
    assert started(robot) == before


def test_it_can_be_seen_before_it_is_deployed(robot: Any, playbook: Any) -> None:
    before = started(robot)
    done = run(playbook, "preflight", **{LIMIT: 40})
    assert done.returncode == 0, done.stdout
    assert "recreate container robot-stack-my_service" in done.stdout
    # RAM, reserve, budget, engine, services, sum, left
    assert any(line.split()[2:8] == ["150", "300", "128", "136", "264", "36"] for line in done.stdout.splitlines())
    assert started(robot) == before


def test_a_limit_that_the_budget_does_not_hold_is_refused(robot: Any, playbook: Any) -> None:
    told = refused(robot, playbook, **{LIMIT: 77})
    assert f"1 MiB too little for container_engine_memory_allowance_mib 128 + {OURS[0]}_memory_limit_mib 32" in told
    assert f"{LIMIT} 77 = 301 MiB" in told


def test_a_limit_below_its_floor_is_refused_as_the_page_says(robot: Any, playbook: Any) -> None:
    told = "below the 14 MiB in which the service was measured to serve with 20 topics"
    assert told in refused(robot, playbook, **{LIMIT: 13})
    assert told in (PROJECT / "docs" / "adding-a-service.md").read_text(encoding="utf-8")


def test_a_misspelt_variable_is_refused_with_the_one_that_was_meant(robot: Any, playbook: Any) -> None:
    assert f"did you mean {LIMIT}?" in refused(robot, playbook, my_service_memory_limt_mib=40)


def test_its_tag_touches_it_alone(robot: Any, playbook: Any) -> None:
    others, mine = started(robot, *OURS), started(robot, "my_service")
    deployed(playbook, "--tags", "my_service", **{LIMIT: 40, "victoriametrics_memory_limit_mib": 60})
    assert started(robot, *OURS) == others
    assert started(robot, "my_service") != mine
    assert robot.limits(robot.cgroup(robot.pid("my_service")))[0] == 40 * MIB
    deployed(playbook)


@pytest.mark.parametrize("tags", [("--tags", "their_service"), ("--skip-tags", "my_service")])
def test_tags_about_others_leave_it_alone(robot: Any, playbook: Any, tags: tuple[str, str]) -> None:
    before = started(robot)
    deployed(playbook, *tags, **{LIMIT: 40})
    assert started(robot) == before


def test_what_was_changed_by_hand_is_told_and_healed(robot: Any, playbook: Any) -> None:
    others = started(robot, *OURS)
    robot.run("docker rm -f robot-stack-my_service")
    told = run(playbook, "verify")
    assert told.returncode != 0
    assert "robot-stack-my_service" in told.stdout
    deployed(playbook)
    assert run(playbook, "verify").returncode == 0
    assert started(robot, *OURS) == others
    assert "my_service_topics 20" in page(robot)


def test_a_bad_version_is_put_back(robot: Any, playbook: Any) -> None:
    image = robot.inspect("my_service")["Image"]
    others = started(robot, *OURS)
    PROGRAM.write_text("raise SystemExit('there is no lidar')\n", encoding="utf-8")
    done = run(playbook, "site", my_service_version="2")
    assert done.returncode != 0
    assert "there is no lidar" in done.stdout
    assert robot.inspect("my_service")["Image"] == image
    assert "my_service_topics 20" in page(robot)
    assert started(robot, *OURS) == others


def test_a_version_that_was_good_comes_back_by_hand(robot: Any, playbook: Any) -> None:
    others = started(robot, *OURS)
    PROGRAM.write_text(PROGRAM.read_text(encoding="utf-8").replace("_topics {", "_subjects {"), encoding="utf-8")
    deployed(playbook)
    assert "my_service_subjects 20" in page(robot), "the image was not built again"
    done = run(playbook, "rollback", "--tags", "my_service")
    assert done.returncode == 0, done.stdout
    assert "my_service_topics 20" in page(robot)
    assert started(robot, *OURS) == others


def test_the_report_has_it(playbook: Any, tmp_path: Path) -> None:
    done = run(playbook, "report", report_directory=str(tmp_path))
    assert done.returncode == 0, done.stdout
    found = json.loads((tmp_path / "performance-budget-report.json").read_text(encoding="utf-8"))
    assert found["robots"]["worker"]["services"]["my_service"]["kernel_limit_mib"] == 32


def test_removed_by_its_tag_it_goes_alone(robot: Any, playbook: Any) -> None:
    others = started(robot, *OURS)
    done = run(playbook, "remove", "--tags", "my_service")
    assert done.returncode == 0, done.stdout
    assert "my_service" not in robot.run("docker ps -a --format '{{.Names}}'")
    assert started(robot, *OURS) == others
    deployed(playbook)
    assert "my_service_topics 20" in page(robot)


def test_no_longer_named_it_goes_and_its_limit_may_not_stay(
    robot: Any, playbook: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = started(robot, *OURS)
    inventory = tmp_path / "inventory"
    shutil.copytree(Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"]) / "inventory", inventory)
    monkeypatch.setenv("MOLECULE_SCENARIO_DIRECTORY", str(tmp_path))
    group = inventory / "group_vars" / "robots.yml"
    written = yaml.safe_load(group.read_text(encoding="utf-8"))
    group.write_text(yaml.safe_dump({**written, "robot_stack_services": list(OURS)}), encoding="utf-8")
    assert "name its service in robot_stack_services" in run(playbook, "site").stdout
    group.write_text(yaml.safe_dump({"testbed_fleet": "own_service"}), encoding="utf-8")
    deployed(playbook)
    assert "my_service" not in robot.run("docker ps -a --format '{{.Names}}'")
    assert started(robot, "sensor_service") == {"sensor_service": others["sensor_service"]}
