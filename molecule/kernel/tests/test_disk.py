"""The robot's only disk fills up under the stack; see molecule/shared/full_disk.py."""

from full_disk import *  # noqa: F403 (pytest finds the test by its name in this module)
