"""One host of a hub becomes a cluster of three, and every sample from before and since is there through each host.

As docs/telemetry.md tells an operator to do it. Each test begins with what the one before has left.
"""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from functools import partial
from typing import Any

import alerts
import telemetry
from before_growth import Before
from through import Through, everything_arrived
from two_hubs import DATABASE, LONGEST_GAP_SECONDS, Reading, without
from waiting import until

Playbook = Callable[..., subprocess.CompletedProcess[str]]
SERVICE = DATABASE.removeprefix("robot-stack-")
ROOT = f"/var/lib/robot-stack/{SERVICE}"
PARTS = ("vmstorage", "vmselect", "vminsert", "vmauth", "vmalert", "vmagent")
MIB = 1024 * 1024
LIMIT_MIB = 256
AWAY_SCRAPES = 20
HUB = ("-e", json.dumps({"telemetry_hub_former_storage": False}))  # as it would be if nothing were written
SAID = ("-e", "telemetry_hub_kind_change=true")
TELL_NOBODY = ("-e", json.dumps(dict.fromkeys((
    "telemetry_hub_notifier_url", "telemetry_hub_notifier_username", "telemetry_hub_notifier_password",
), "")))  # fmt: skip
# A sample for the old database, from its own host and with the password that its own programs have.
WRITE = f"""
import base64, pathlib, urllib.error, urllib.request
files = sorted(pathlib.Path("{ROOT}/config").glob("*/database_password"), key=lambda file: file.stat().st_mtime)
words = base64.b64encode(b"hub:" + files[-1].read_bytes().strip()).decode()
place = "{telemetry.STORAGE}/api/v1/import/prometheus"
asked = urllib.request.Request(place, b"handed_over 1", {{"Authorization": "Basic " + words}})
try:
    print(urllib.request.urlopen(asked, timeout=30).status)
except urllib.error.HTTPError as refused:
    print(refused.code)
"""


def running(host: Any) -> set[str]:
    """Return the containers of a host but for its sensor service; none where no engine answers yet."""
    return set(host.host.run("docker ps --format '{{.Names}}'").stdout.split()) - {"robot-stack-sensor_service"}


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a run said that was refused; whitespace is one blank each."""
    assert done.returncode != 0, done.stdout
    return " ".join(done.stdout.split())


def settled(through: dict[str, Through], fleet: dict[str, Any]) -> float:
    """Return a moment before which all that was scraped is there through each host."""
    return max(telemetry.settled(one, *fleet) for one in through.values())


def nothing_is_missing(through: dict[str, Through], fleet: dict[str, Any], began: float) -> None:
    """Count what each robot's sensor service gave since ``began``, through each host. Raises AssertionError."""
    for one in through.values():
        everything_arrived(one, fleet)
    ended = min(telemetry.settled(one, *fleet) for one in through.values())
    for name in fleet:
        found = [telemetry.ledger_of_jobs(one, name, ("sensor_service",), (began, ended)) for one in through.values()]
        for there in found:
            assert there.lost_answers() == []
            assert there.incomplete("sensor_service") == {}
            assert there.series == found[0].series


def test_one_host_is_the_whole_hub(hubs: dict[str, Any], before: Before) -> None:
    assert running(hubs["one"]) == {
        f"robot-stack-telemetry_hub_{part}" for part in ("victoriametrics", "vmauth", "vmalert")
    }
    assert running(hubs["two"]) == running(hubs["three"]) == set()
    began, ended = before.window
    for series in before.series.values():
        assert sum(map(len, series.values())) > 100 * (ended - began), "more than a hundred samples a second"


def test_what_pages_would_show_no_more_is_asked_about(hubs: dict[str, Any], playbook: Playbook) -> None:
    database = hubs["one"].started_at(SERVICE)
    told = refused(playbook("playbooks/hub.yml", *HUB))
    assert "one was a hub, or one of a pair" in told
    assert "write telemetry_hub_former_storage: true for this host" in told
    assert hubs["one"].started_at(SERVICE) == database
    assert running(hubs["two"]) == set()


def test_the_old_host_is_not_the_first(hubs: dict[str, Any], playbook: Playbook) -> None:
    database = hubs["one"].started_at(SERVICE)
    told = refused(playbook("playbooks/hub.yml"))
    assert "one is still the hub" in told
    assert "--limit two,three" in told
    assert hubs["one"].started_at(SERVICE) == database
    assert running(hubs["two"]) == set()


def test_new_hosts_are_deployed_while_the_hub_goes_on(
    hubs: dict[str, Any], fleet: dict[str, Any], reads: Reading, playbook: Playbook
) -> None:
    parts = (SERVICE, "telemetry_hub_vmauth", "telemetry_hub_vmalert")
    started = [hubs["one"].started_at(part) for part in parts]
    with reads(hubs["one"]) as seen:
        done = playbook("playbooks/hub.yml", "--limit", "two,three", *TELL_NOBODY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [hubs["one"].started_at(part) for part in parts] == started
    assert {line["series"] for line in seen.lines if "series" in line} == {len(fleet)}
    assert running(hubs["two"]) == {f"robot-stack-telemetry_hub_{part}" for part in PARTS}


def test_the_hub_becomes_one_of_them_and_no_answer_lacks_a_robot(
    hubs: dict[str, Any], fleet: dict[str, Any], reads: Reading, playbook: Playbook
) -> None:
    with reads(hubs["one"]) as seen:
        done = playbook("playbooks/hub.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {line["series"] for line in seen.lines if "series" in line} == {len(fleet)}
    assert "series" in seen.lines[-1], "it is answered again"
    assert running(hubs["one"]) == {DATABASE, *(f"robot-stack-telemetry_hub_{part}" for part in PARTS)}


def test_robots_send_to_two_of_three(hubs: dict[str, Any], fleet: dict[str, Any], playbook: Playbook) -> None:
    done = playbook("playbooks/site.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    for robot in fleet.values():
        words = [word for word in robot.inspect("vmagent")["Config"]["Cmd"] if word.startswith("-remoteWrite.url=")]
        places = {word.partition("//")[2].partition(":")[0] for word in words}
        assert len(places & set(hubs)) == len(words) == 2


def test_every_sample_from_before_and_since_is_there_through_each_host(
    through: dict[str, Through], fleet: dict[str, Any], before: Before
) -> None:
    for one in through.values():
        assert before.shown_by(one) == before.series, one.name
    nothing_is_missing(through, fleet, before.window[0])


def test_the_old_database_has_its_limit_and_answers_the_hosts_alone(
    hubs: dict[str, Any], fleet: dict[str, Any]
) -> None:
    one = hubs["one"]
    assert one.limits(one.cgroup(one.pid(SERVICE))) == (LIMIT_MIB * MIB, LIMIT_MIB * MIB)
    named = one.variables["testbed_parts_address"]
    listening = {line.split()[4] for line in one.run("ss -Hltun").splitlines()}
    assert {place for place in listening if place.startswith(f"{named}:")} == {
        f"{named}:{port}" for port in (8400, 8401, 8411)
    }
    assert "127.0.0.1:8428" in listening
    places = [("one", 8411), (named, 8411), ("one", 8428), ("one", 8427)]
    code = (
        "import socket\n"
        f"for place in {places}:\n"
        "    asked = socket.socket()\n"
        "    asked.settimeout(2)\n"
        "    print(*place, asked.connect_ex(place) == 0)\n"
    )
    lines = fleet["scout"].run(f'printf %s "{code}" | python3 -').splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == ["False", "False", "False", "True"]


def test_nobody_hands_the_old_database_samples(hubs: dict[str, Any]) -> None:
    words = base64.b64encode(WRITE.encode()).decode()
    assert hubs["one"].run(f"echo {words} | base64 -d | python3 -").strip() == "503"


def test_without_the_old_database_everything_else_is_answered_and_it_is_told(
    hubs: dict[str, Any], through: dict[str, Through], fleet: dict[str, Any], before: Before, reads: Reading
) -> None:
    began = settled(through, fleet)
    away = {"alertname": "TelemetryHubFormerStorageAway", "hub": "one"}
    for host in hubs.values():
        host.run("rm -f /run/alerts.jsonl")
    with reads(hubs["two"]) as seen, without(DATABASE, hubs["one"]):
        telemetry.scraped(fleet.values(), AWAY_SCRAPES)
        for name in ("one", "two"):
            until(partial(alerts.going_on, hubs[name], **away), f"{name} tells that the old database is away")
        nothing_is_missing(through, fleet, began)
        assert before.shown_by(through["two"]) == {robot: {} for robot in before.series}, "as docs/telemetry.md says"
    assert seen.longest_wait() < LONGEST_GAP_SECONDS, seen.errors
    for one in through.values():
        until(partial(shows, one, before), f"{one.name} shows what is from before again")


def shows(host: Through, before: Before) -> bool:
    """Whether a host shows all that the hub had before it grew, and nothing else of that time."""
    return before.shown_by(host) == before.series


def test_it_is_taken_out_when_that_is_said_and_leaves_its_samples_on_the_disk(
    hubs: dict[str, Any], through: dict[str, Through], fleet: dict[str, Any], before: Before, playbook: Playbook
) -> None:
    began, database = settled(through, fleet), hubs["one"].started_at(SERVICE)
    told = refused(playbook("playbooks/hub.yml", *HUB))
    assert "-e telemetry_hub_kind_change=true" in told
    assert hubs["one"].started_at(SERVICE) == database
    done = playbook("playbooks/hub.yml", *HUB, *SAID)
    assert done.returncode == 0, done.stdout + done.stderr
    assert running(hubs["one"]) == {f"robot-stack-telemetry_hub_{part}" for part in PARTS}
    assert "config" not in hubs["one"].run(f"ls {ROOT}").split()
    assert hubs["one"].run(f"ls {ROOT}/data").split()
    assert ":8411" not in hubs["one"].run("ss -Hltun")
    nothing_is_missing(through, fleet, began)
    assert before.shown_by(through["three"]) == {robot: {} for robot in before.series}


def test_it_is_brought_back_with_all_that_it_had(
    through: dict[str, Through], before: Before, playbook: Playbook
) -> None:
    done = playbook("playbooks/hub.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    for one in through.values():
        until(partial(shows, one, before), f"{one.name} shows what is from before")
    verified = playbook("playbooks/hub.yml", "-e", "hub_state=verified")
    assert verified.returncode == 0, verified.stdout + verified.stderr
