"""The folders of vmagent's queues to its hubs, and those that other addresses of them left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

from ansible_collections.robotfleet.stack.plugins.filter.vmagent_queue import queue

DOCUMENTATION = """
name: vmagent_queues
short_description: The folders of vmagent's queues, and what they take over
description:
  - A queue is named by the position of its URL and by a hash of it. What waits for a hub goes to that hub where its
    position changes, because another host joined it or left, and also where its address does.
options:
  _input:
    description: The URLs that are written to, in their order, without a query.
    type: list
    elements: str
    required: true
"""

EXAMPLES = """
also_adopts: >-
  {{ (['https://a:8427/api/v1/write', 'https://b:8427/api/v1/write'] | robotfleet.stack.vmagent_queues)[1:] }}
"""

RETURN = """
_value:
  description: C(adopts) and C(adopts_from) of each queue, as the data of a service has them.
  type: list
  elements: dict
"""

FOLDER = "persistent-queue"


def queues(urls: Sequence[str]) -> list[dict[str, str]]:
    """Return for each of ``urls`` its queue's folder, and a pattern of what becomes that: what was in its place."""
    return [
        {"adopts": f"{FOLDER}/{queue(url, position)}", "adopts_from": f"{FOLDER}/{position}_*"}
        for position, url in enumerate(urls, start=1)
    ]


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"vmagent_queues": queues}
