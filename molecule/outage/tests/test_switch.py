"""Keeper gets another mode, password and hub's address while it cannot send: its backlog stays, and its history."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import telemetry
from telemetry import Ledger
from waiting import until

HUB = "hub"
SECRET = Path(__file__).resolve().parents[1] / "inventory" / ".telemetry_hub" / "robots" / "keeper.password"
QUEUES = "ls /var/lib/robot-stack/vmagent/buffer/persistent-queue"
BUFFERED_SCRAPES = 20  # one a second
AFTER_A_RESTART_SCRAPES = 15  # enough for its caches to be as large as they get at first
FIRST = 'min(tfirst_over_time(node_load1{robot="keeper"}[1d]))'


@dataclass
class Story:
    """What was there before, between and after."""

    queues: list[str] = field(default_factory=list)
    pending: list[float] = field(default_factory=list)
    first: list[str] = field(default_factory=list)
    containers: str = ""
    restarts: int = -1
    at_hub: Ledger = field(default_factory=lambda: Ledger({}))


@pytest.fixture(scope="module")
def story(fleet: dict[str, Any], hub: Any, playbook: Any) -> Story:
    """All of that without the hub; then the hub again; and back to what the inventory says."""
    keeper, told = fleet["keeper"], Story()

    def deploy(name: str, *arguments: str) -> None:
        done = playbook(f"playbooks/{name}.yml", *arguments)
        assert done.returncode == 0, done.stdout

    telemetry.arrive(hub, keeper.name)
    told.first.append(keeper.query(FIRST)[0]["value"][1])
    began = time.time()
    telemetry.cut(keeper, HUB)
    telemetry.scraped([keeper], BUFFERED_SCRAPES)
    until(lambda: telemetry.pending(keeper) > 20_000, "keeper keeps what it cannot send")
    told.queues.append(keeper.run(QUEUES))
    told.pending.append(telemetry.pending(keeper))
    SECRET.write_text("another-one-of-this-scenario\n")
    deploy("hub")
    changed = {"robot_stack_telemetry_mode": "push", "vmagent_hub_url": "https://testbed-outage-hub:8427"}
    deploy("site", "--limit", "keeper", "-e", json.dumps(changed))
    told.containers = keeper.run("docker ps -a --format '{{.Names}}'")
    told.queues.append(keeper.run(QUEUES))
    told.pending.append(telemetry.pending(keeper))
    telemetry.mend(keeper, HUB)
    telemetry.arrive(hub, keeper.name)
    telemetry.drained(keeper)
    told.at_hub = telemetry.ledger(hub, keeper.name, (began - 5, telemetry.settled(hub, keeper.name)))
    deploy("site", "--limit", "keeper")
    told.first.append(keeper.query(FIRST)[0]["value"][1])
    keeper.run("docker restart robot-stack-victoriametrics")
    telemetry.arrive(keeper, keeper.name)
    telemetry.settled(keeper, keeper.name, scrapes=AFTER_A_RESTART_SCRAPES)
    told.restarts = int(keeper.inspect("victoriametrics")["RestartCount"])
    return told


def test_what_the_mode_does_not_need_is_gone(story: Story) -> None:
    assert "robot-stack-vmagent" in story.containers
    assert "victoriametrics" not in story.containers


def test_the_hubs_queue_is_called_after_its_new_address_and_holds_what_it_held(story: Story) -> None:
    before, after = ([name for name in names.split() if name.startswith("1_")] for names in story.queues)
    assert len(before) == len(after) == 1
    assert before != after
    assert story.pending[1] >= story.pending[0] > 20_000


def test_the_backlog_was_sent_there_with_the_new_password_and_nothing_is_missing(story: Story) -> None:
    assert len(story.at_hub.answers()) > 15
    lost = sum(number for _, number in story.at_hub.lost_answers())
    assert lost <= 1, "but for a scrape that may have been under way when its reader was replaced"


def test_the_robots_own_history_is_there_again(story: Story) -> None:
    assert story.first[0] == story.first[1]


def test_a_database_that_is_restarted_fits_its_limit_at_once(story: Story) -> None:
    """With some 700 series, whose caches it would load into 31 MiB more than they had before."""
    assert story.restarts == 0
