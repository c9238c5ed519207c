"""The same in a bucket, which is moto's server on this machine: the hub finds it on its own loopback, through SSH."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import telemetry
from hub_backups import JOB, ROOT, UNIT, another_disk, backed_up, counted, found
from login import forwarded
from waiting import until

PORT = 9000  # on the hub's loopback
OWN_PORT = 22319
BUCKET, PREFIX = "hub-backups", "fleet"
USER, KEY = "fleet", "not-a-secret-" + "of-anybody"
MARK = "backup_complete.ignore"  # what vmbackup writes last


@dataclass(frozen=True)
class Bucket:
    """Where it is asked from this machine, and the file with what an operator declares of it."""

    url: str
    declared: Path

    def keys(self) -> list[str]:
        """Return the names of all objects; there are fewer than a page of them."""
        with urllib.request.urlopen(f"{self.url}?list-type=2", timeout=60) as page:
            listed = ElementTree.fromstring(page.read())
        space = listed.tag.partition("}")[0] + "}"
        assert listed.findtext(f"{space}IsTruncated") == "false"
        return [key.text or "" for key in listed.iter(f"{space}Key")]

    def whole(self) -> dict[str, str]:
        """Return the backups whose writer came to its end, name -> chain; of one hub, which has one chain."""
        places = [key.split("/") for key in self.keys() if key.endswith(f"/{MARK}")]
        assert {tuple(place[:2]) for place in places} <= {(PREFIX, "hub")}
        return {place[3]: place[2] for place in places}


def made(url: str) -> bool:
    try:
        urllib.request.urlopen(urllib.request.Request(url, method="PUT"), timeout=60).close()
    except OSError:  # it does not listen yet
        return False
    return True


@pytest.fixture(scope="module")
def bucket(hub: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """A bucket that is empty."""
    folder = tmp_path_factory.mktemp("bucket")
    declared = {
        "telemetry_hub_backup_destination": f"s3://{BUCKET}/{PREFIX}",
        "telemetry_hub_backup_s3_endpoint": f"http://127.0.0.1:{PORT}",
        "telemetry_hub_backup_s3_access_key": USER,
        "telemetry_hub_backup_s3_secret_key": KEY,
        "telemetry_hub_backup_memory_limit_mib": 128,  # as docs/hub-backup.md says
        "telemetry_hub_backup_enabled": True,
    }
    (folder / "declared.json").write_text(json.dumps(declared), encoding="utf-8")
    argv = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(OWN_PORT)]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(argv, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{OWN_PORT}/{BUCKET}"
    try:
        until(lambda: made(url), "the bucket is there")
        with forwarded(hub, "-R", f"127.0.0.1:{PORT}:127.0.0.1:{OWN_PORT}"):
            yield Bucket(url, folder / "declared.json")
    finally:
        server.terminate()
        server.wait(timeout=60)


def test_of_two_backups_in_a_bucket_the_second_sends_what_is_new(
    hub: Any, playbook: Any, bucket: Bucket, known: str
) -> None:
    done = playbook("playbooks/hub.yml", "-e", f"@{bucket.declared}")
    assert done.returncode == 0, done.stdout
    telemetry.arrive(hub, "scout")
    first = backed_up(hub)
    assert first["contents"]["rows"] > 300000
    assert set(bucket.whole()) == {"latest"}
    telemetry.settled(hub, "scout")
    assert backed_up(hub)["uploaded"] < first["uploaded"] / 2
    assert set(bucket.whole()) == {"latest", "previous"}


def test_the_key_is_in_a_file_that_only_the_backups_user_reads(hub: Any, playbook: Any, bucket: Bucket) -> None:
    folder = f"{ROOT}/{JOB}/config"
    assert KEY in hub.run(f"cat {folder}/*/s3_credentials")
    modes = hub.run(f"stat -c '%a %u' {folder} {folder}/*/s3_credentials")
    assert modes.splitlines() == ["700 0", "400 70111"]
    # what a container is made from, command line and environment included, and what the job has said
    for told in (f"cat {ROOT}/jobs/{JOB}.json", f"systemctl cat {UNIT}", f"journalctl --quiet --unit={UNIT}"):
        assert KEY not in hub.run(told), told


def test_samples_come_back_from_a_bucket(
    hub: Any, robots: dict[str, Any], playbook: Any, bucket: Bucket, known: str
) -> None:
    # what was under way when the snapshot was made is in none of its samples
    moment = backed_up(hub)["contents"]["newest"] / 1000 - 30
    before = counted(hub, moment)
    another_disk(hub)
    unnamed = playbook("playbooks/hub_restore.yml", "-e", f"@{bucket.declared}")
    assert unnamed.returncode != 0, "a hub that has forgotten it must be told which backup"
    which = f"restore_backup={bucket.whole()['latest']}/latest"
    done = playbook("playbooks/hub_restore.yml", "-e", f"@{bucket.declared}", "-e", which)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the database finds the newest sample of the backup" in done.stdout
    assert found(hub) == known
    assert counted(hub, moment) == before
    telemetry.drained(robots["scout"])
    telemetry.arrive(hub, "scout")
