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
adopts: "{{ ['https://hub.example.org:8427/api/v1/write'] | vmagent_queues }}"
"""

RETURN = """
_value:
  description: C(folder) and C(from) of each queue, as the data of a service adopts them.
  type: list
  elements: dict
"""

FOLDER = "persistent-queue"


def queues(urls: Sequence[str]) -> list[dict[str, Any]]:
    """Return for each of ``urls`` its queue's folder, and patterns of what becomes that, the best first."""
    return [_queue(url, position) for position, url in enumerate(urls, start=1)]


def _queue(url: str, position: int) -> dict[str, Any]:
    name = queue(url, position)
    its_own, its_place = f"{FOLDER}/*_{name.partition('_')[2]}", f"{FOLDER}/{position}_*"
    return {"folder": f"{FOLDER}/{name}", "from": [its_own, its_place]}


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"vmagent_queues": queues}
