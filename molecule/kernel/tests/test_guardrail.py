"""A leak is killed at its limit, here on cgroup v2; see molecule/shared/leak.py."""

from leak import *  # noqa: F403 (pytest finds the tests by their names in this module)
