"""What every robot promises, here on cgroup v2 and after a power cut; see molecule/shared/promises.py."""

from promises import *  # noqa: F403 (pytest finds the tests by their names in this module)
