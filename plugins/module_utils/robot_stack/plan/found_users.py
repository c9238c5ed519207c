"""Who else needs an engine of ours: people who log in, services, packages. Reading only.

Looked for where it is to go: what others have on it, it tells itself; what they have beside it, nobody does.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..base.roots import Roots
from ..engine.protocol import Driver
from ..host import accounts, platforms, systemd, units

# What an owner has written; what packages bring is told of by these.
SERVICES = (systemd.UNITS, "/usr/local/lib/systemd/system")
OF_PEOPLE = ".config/systemd/user"  # below somebody's home


def find(driver: Driver, packages: Iterable[str], store: str, roots: Roots) -> list[str]:
    """Return folders, paths of services, names of packages and of what is kept in ``store`` and no list tells of.

    ``packages`` are what is to go.
    """
    folders = [*SERVICES, *(f"{person.home}/{OF_PEOPLE}" for person in accounts.people(roots))]
    return [
        *driver.unlisted(store, roots),
        *driver.used_by_people(roots),
        *units.calling(driver.command, folders, roots),
        *(f"package {name}" for name in platforms.find(roots).needing(packages, roots)),
    ]
