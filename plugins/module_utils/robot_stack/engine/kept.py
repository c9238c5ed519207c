"""The name of an image that has lost its own to a newer one and is still needed: to go back to, or to start again.

Without one it would be anybody's to take: `image prune` of a cron job, or of what Podman's packages start at each boot,
removes what has no name and runs in no container. It is ours alone: to nobody else does it count as one.
"""

from __future__ import annotations

import re

REPOSITORY = "robot-stack/kept"
DIGITS = 12
# an engine may say of a name without a registry that it is of this host
NAME = re.compile(rf"(?:localhost/)?{re.escape(REPOSITORY)}:[^/:@]{{1,{DIGITS}}}")


def name_of(identity: str) -> str:
    """Return the name that keeps the image of this id ("sha256:HEX")."""
    return f"{REPOSITORY}:{identity.rpartition(':')[2][:DIGITS]}"


def is_one(name: str) -> bool:
    """Whether this is such a name."""
    return NAME.fullmatch(name) is not None
