"""What every robot promises, here with the Docker of Debian testing; see molecule/shared/promises.py."""

from promises import *  # noqa: F403 (pytest finds the tests by their names in this module)
