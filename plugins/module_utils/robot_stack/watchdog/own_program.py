"""The texts of the program on the robot: the very files of this package that a deployment runs.

The controller asks for them before each run, and imports nothing for it that is the robot's to run.
"""

from __future__ import annotations

import functools
import pkgutil
import sys
from collections.abc import Iterator, Mapping

from ..base import program

NAME = "watchdog"
# Of this package, but no part of the program: what other modules use, and the controller.
OTHERS = ("backup/", "records/hub_secrets.py")
LOOK = """\
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from robot_stack.watchdog.look import main

main()
"""
# Its argument is the digest of the program that is meant.
ANSWER = f"""\
import pathlib
import sys

top = pathlib.Path(__file__).parent
sys.path.insert(0, str(top))
try:
    from robot_stack.base import program

    meant = program.digest(program.found(top)) == sys.argv[1]
except Exception:  # a damaged file
    meant = False
if not meant:
    sys.stdin.buffer.read()
    sys.exit({program.NOT_HERE})

from robot_stack.run.answer import main

main()
"""


@functools.lru_cache(maxsize=1)
def contents() -> Mapping[str, str]:
    """Return the texts of the program, by path below its folder."""
    top = (__package__ or "").rpartition(".")[0]
    texts = {program.LOOK: LOOK, program.ANSWER: ANSWER}
    for path in _modules(next(iter(sys.modules[top].__path__))):
        content = None if path.startswith(OTHERS) else pkgutil.get_data(top, path)
        texts.update({f"{program.PACKAGE}/{path}": content.decode()} if content is not None else {})
    return dict(sorted(texts.items()))


def _modules(folder: str, above: str = "") -> Iterator[str]:
    """Yield the paths of all modules below ``folder``, which may lie in an archive."""
    yield f"{above}__init__.py"
    for module in pkgutil.iter_modules([folder]):
        if module.ispkg:
            yield from _modules(f"{folder}/{module.name}", f"{above}{module.name}/")
        else:
            yield f"{above}{module.name}.py"
