"""A password is not part of a version: whoever goes back to an old version keeps the credentials of now.

What a service's files say of themselves decides: `sensitive` ones (passwords, keys), and those that are a `credential`
without being secret (the certificate of an authority). A version that was good has them as they are declared now, so
that a rollback brings back no password that was changed, and none lies on the robot's disk for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Raw = Mapping[str, Any]  # a service as the module was given it


def renewed(was: Raw, now: Raw) -> Raw:
    """Return service ``was`` with the credentials of ``now``; what ``now`` does not have, or has empty, stays.

    One that ``was`` did not have comes along where one changes that it had: the new one may name it.
    """
    known = {path: file for path, file in _credentials(now).items() if file.get("content")}
    held = _credentials(was)
    if not any(path in known and held[path] != known[path] for path in held):
        return was
    files = [known.get(file["path"], file) if file["path"] in held else file for file in was["files"]]
    paths = {file["path"] for file in files}
    return {**was, "files": files + [file for path, file in known.items() if path not in paths]}


def _credentials(service: Raw) -> dict[str, Raw]:
    files = service.get("files") or ()
    return {file["path"]: file for file in files if file.get("sensitive") or file.get("credential")}
