"""What every robot promises, with one engine and with the other; see molecule/shared/promises.py."""

from promises import *  # noqa: F403 (pytest finds the tests by their names in this module)
