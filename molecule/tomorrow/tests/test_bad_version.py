"""A bad version is put back, and only what differs of it is sent; see molecule/shared/bad_version.py."""

from bad_version import *  # noqa: F403 (pytest finds the tests by their names in this module)
