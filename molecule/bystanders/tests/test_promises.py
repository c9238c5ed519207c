"""What every robot promises, on Debian 13 as well; see molecule/shared/promises.py."""

from promises import *  # noqa: F403 (pytest finds the tests by their names in this module)
