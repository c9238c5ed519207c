"""A browser without a window, for the pages that people look at."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from waiting import PATIENCE_SECONDS

ARTIFACTS = Path(__file__).resolve().parents[2] / ".artifacts"  # where pictures of pages are kept
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
PATIENCE_MS = PATIENCE_SECONDS * 1000


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """Start Chromium (the one of ``CHROMIUM``, or Debian's) with further ``arguments``, and end it."""
    ARTIFACTS.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=[*ARGUMENTS, *arguments]
        )
        try:
            yield browser
        finally:
            browser.close()


def until(page: Page, what: Callable[[], bool], words: str) -> None:
    """Wait until ``what`` is true while the page's events go on. Raises AssertionError."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS} s: {words}"
        page.wait_for_timeout(200)
