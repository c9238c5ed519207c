"""What the rows' tests share with those of one robot's life."""

from __future__ import annotations

from robot_stack.conftest import any_owner, its_systemd

__all__ = ["any_owner", "its_systemd"]
