"""Shuts out at the entry point who brings more series than his share, and lets him in again after a while.

A database has room for so many series in an hour and in a day, and drops new ones beyond that, of whomever: so one who
has a new label for each sample would take the room of all. He is seen by what bears his name in the index of today.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable

from ..ask import http
from ..base import files
from ..base.files import DesiredFile
from ..records import record_file, shut_out
from ..records.shut_out import ShutOut, User
from ..spec import entry_point
from ..spec.model import Shares

FILE = "metrics/series_shares.prom"
DAY_SECONDS = 86400
# The first time for as long as a database counts its series of an hour; each further time of a day twice as long.
FIRST_SECONDS = 3600.0
LONGEST_SECONDS = 8 * FIRST_SECONDS
PATIENCE_SECONDS = 20.0  # a database to which much is sent answers late
TURN_SECONDS = 60  # a restart takes some seconds, and clocks differ by less
MOST_USERS = 1000  # of an answer
LIMITS = ("vm_hourly_series_limit", "vm_daily_series_limit")
HEAD = """\
# HELP robot_stack_series_today Different series of today that bear a user's name.
# TYPE robot_stack_series_today gauge
# HELP robot_stack_series_share How many he may bring in a day.
# TYPE robot_stack_series_share gauge
# HELP robot_stack_series_shut_out 1 while he is shut out, because he brought more.
# TYPE robot_stack_series_shut_out gauge
"""


@dataclass(frozen=True)
class Entry:
    """An entry point on this robot: its shares, its file, the password, and how its process is told of a change."""

    shares: Shares
    path: Path
    password: str
    reload: Callable[[], None]


def ask(entry: Entry, url: str) -> str:
    """Return what the database answers, "" for nothing."""
    status, page = http.get(url, entry.shares.username, entry.password, PATIENCE_SECONDS)
    return page if status == 200 else ""


def counted(page: str, copies: int = 1) -> dict[str, int] | None:
    """Return the number of today's series by user, of an answer of /api/v1/status/tsdb; None: it is none.

    A cluster counts each of the ``copies`` of a series; while a storage is away, also one that another has for it.
    """
    try:
        raw: Any = json.loads(page)["data"]["seriesCountByFocusLabelValue"] or []
        rows = [(row["name"], row["value"]) for row in raw[:MOST_USERS]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return {
        name: value // copies for name, value in rows if isinstance(name, str) and isinstance(value, int) and value >= 0
    }


def used_up(page: str) -> bool:
    """Whether a database has no room for further series, by its own metrics."""
    for name in LIMITS:
        current, most = http.metric(page, f"{name}_current_series"), http.metric(page, f"{name}_max_series")
        if current is not None and most and current >= most:
            return True
    return False


def its_turn(shares: Shares, now: float) -> bool:
    """Whether ``now`` is in a minute in which this host may restart its database; before and after it no other may.

    Several hosts find out at once that there is no room, and two storages of a cluster must not be away together.
    """
    return shares.turns == 1 or int(now // TURN_SECONDS) % (2 * shares.turns) == 2 * shares.turn


def judged(before: ShutOut, counts: Mapping[str, int], shares: Shares, now: float) -> ShutOut:
    """Return who is shut out now. Pure."""
    day = int(now // DAY_SECONDS)
    users = {}
    for name in sorted({*counts, *before.users}):
        user = _judged(before.users.get(name, User()), counts.get(name, 0), shares.of(name), now, day != before.day)
        if user.times:
            users[name] = user
    return ShutOut(day, users)


def _judged(user: User, count: int, share: int, now: float, new_day: bool) -> User:
    if new_day:  # the count has begun anew
        user = replace(user, base=0, times=user.times if user.until else 0)
    brought = max(user.series, count) if user.until else count
    # later than that, another clock has written; and within a share that was raised, he is in again at once
    if now < user.until <= now + LONGEST_SECONDS and brought - user.base > share:
        return replace(user, series=brought)
    if user.until:
        return replace(user, until=0.0, base=count)
    if count - user.base <= share:
        return user
    penalty = min(FIRST_SECONDS * 2**user.times, LONGEST_SECONDS)
    return replace(user, times=user.times + 1, at=now, until=now + penalty, series=count)


def look(
    entry: Entry,
    root: Path,
    started_at: float,
    restart: Callable[[], None],
    now: float,
    say: Callable[[str], None],
) -> str:
    """Shut out and let in whom it is time for; return the page of metrics.

    ``root`` is where this is remembered. ``restart`` restarts the database, which runs since ``started_at``: where one
    who was shut out after that has used up the room of all, it is given back so, and the others lose no more of theirs.
    """
    before, problems = shut_out.read(root)
    counts = counted(ask(entry, entry.shares.count_url), entry.shares.copies)
    found = before if counts is None else judged(before, counts, entry.shares, now)
    for words in changes(before, found, entry.shares):
        say(words)
    try:
        if problems:
            kept = record_file.set_aside(root / shut_out.FILE, now)
            say(f"{root / shut_out.FILE} {problems[0].words}: it was kept aside as {kept}")
        if problems or found != before:
            shut_out.save(found, root)
    except OSError as error:  # a full disk, which is no reason to leave him in
        say(f"who is shut out cannot be remembered: {error}")
    led(entry, found.names, root / shut_out.UNTOLD)
    latest = max((user.at for user in found.users.values() if user.until), default=0.0)
    if latest > started_at and its_turn(entry.shares, now) and used_up(ask(entry, entry.shares.usage_url)):
        say("the room for further series is used up by who is shut out: restarting the database, which gives it back")
        restart()
    return text(counts or {}, found, entry.shares)


def changes(before: ShutOut, found: ShutOut, shares: Shares) -> list[str]:
    """Return who is shut out and who is in again, a line each."""
    out = [
        f"{name} has brought {found.users[name].series} series today, its share are {shares.of(name)}: it is shut out"
        for name in found.names
        if before.users.get(name, User()).times != found.users[name].times
    ]
    return out + [f"{name} is let in again" for name in before.names if name not in found.names]


def led(entry: Entry, names: list[str], untold: Path) -> bool:
    """Have ``names``, and nobody else, shut out in the entry point's file, and its process told; return whether it was.

    ``untold`` is there from before the change until it is told: where that fails, or is cut off, the next look tells.
    """
    found = files.find(entry.path)
    if found is None or found.content is None:
        return False
    content = entry_point.closed(found.content, entry.shares.backend, names)
    if content == found.content and not untold.exists():
        return False
    with suppress(OSError):  # a full disk, which is no reason to leave him in
        untold.touch(mode=0o600)
    if content != found.content:
        wanted = DesiredFile(entry.path.name, content, found.mode, found.uid, found.gid, sensitive=True)
        files.write(wanted, entry.path.parent)
    entry.reload()
    untold.unlink(missing_ok=True)
    return True


def text(counts: Mapping[str, int], found: ShutOut, shares: Shares) -> str:
    """Return the page of metrics. Users are not called robots here: no robot may say this of another."""
    lines = []
    for name in sorted({*counts, *found.names}):
        label = f"{{username={json.dumps(name, ensure_ascii=False)}}}"
        if name in counts:
            lines.append(f"robot_stack_series_today{label} {counts[name]}")
        lines.append(f"robot_stack_series_share{label} {shares.of(name)}")
        lines.append(f"robot_stack_series_shut_out{label} {int(name in found.names)}")
    return HEAD + "".join(f"{line}\n" for line in lines)
