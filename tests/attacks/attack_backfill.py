"""Somebody hands a robot's database weeks of samples as fast as it takes them, as a restore by API or vmctl does."""

from __future__ import annotations

import json
import threading
import time
from http.client import HTTPException
from pathlib import Path
from urllib.parse import quote
from urllib.request import urlopen

from ansible_collections.robotfleet.stack.plugins.filter.victoriametrics_fit import fit
from ansible_collections.robotfleet.stack.plugins.module_utils.robot_stack.ask import http
from attacks.containers import PATIENCE_SECONDS, ended, last_words, start, until

from benchmarks import past, product
from benchmarks.running import free_address

SERIES = 1000
SECONDS = 60
DAYS = 20
ADDED = "vm_rows_added_to_storage_total"
IS_PAUSED = 1.5  # the bound counts by whole seconds, and what is on its way when it pauses is taken


def page(address: str) -> str:
    with urlopen(f"http://{address}/metrics", timeout=PATIENCE_SECONDS) as found:
        return str(found.read().decode())


def seen(address: str) -> list[object]:
    url = f"http://{address}/api/v1/query?query={quote('process_start_time_seconds')}"
    with urlopen(url, timeout=PATIENCE_SECONDS) as found:
        result: list[object] = json.load(found)["data"]["result"]
        return result


def test_a_backfill_at_full_speed_waits_and_the_database_goes_on(tmp_path: Path) -> None:
    address, limit = free_address(), int(product.default("victoriametrics_memory_limit_mib"))
    own = {"victoriametrics_listen_address": address, "victoriametrics_accepts_writes": True}
    tmp_path.chmod(0o755)
    container = start(product.service("victoriametrics", **own), tmp_path, network_mode="host")
    try:
        until(lambda: not ended(container) and page_answers(address), "it answers", lambda: last_words(container))
        before, begun = http.metric(page(address), ADDED) or 0.0, time.monotonic()
        rest = threading.Thread(target=backfill, args=(address,), daemon=True)
        rest.start()
        while rest.is_alive() and time.monotonic() - begun < SECONDS:
            assert ended(container) == "", last_words(container)
            time.sleep(1)
        assert ended(container) == "", last_words(container)
        assert seen(address), "it is asked meanwhile, and answers"
        taken, took = (http.metric(page(address), ADDED) or 0.0) - before, time.monotonic() - begun
        assert taken > 0
        assert taken / took < IS_PAUSED * fit(limit, SERIES)["max_ingestion_rate"]
        assert ended(container) == "", last_words(container)
    finally:
        container.remove(force=True, v=True)


def page_answers(address: str) -> bool:
    try:
        return bool(page(address))
    except OSError:
        return False


def backfill(address: str) -> None:
    now = int(time.time())
    recipe = past.Recipe(SERIES, DAYS, past.BENCHMARK, "127.0.0.1:9300")
    try:
        past.write(address, recipe, now - DAYS * past.DAY_SECONDS, now)
    except (OSError, HTTPException, RuntimeError):
        return  # it was refused, or cut off at the end: what counts is what became of the database
