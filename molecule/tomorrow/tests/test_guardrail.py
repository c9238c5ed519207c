"""A leak is killed at its limit, here with the kernel and engine of Debian testing; see molecule/shared/leak.py."""

from leak import *  # noqa: F403 (pytest finds the tests by their names in this module)
