"""A robot that starts with a clock far behind, as one without a battery for it may, loses none of its samples.

Containers share this machine's clock: here the samples are ahead of it instead, which is the same to a database.
"""

from __future__ import annotations

import json
import time

from attacks.alone import Alone
from attacks.containers import until

DATABASE_8428 = ("victoriametrics", 8428, "victoriametrics_listen_address")
DAY = 86_400
AHEAD = 60 * DAY  # seconds; in another month than the clock's
DROP_SECONDS = 300  # it looks once a minute


def kept(database: Alone, moment: int) -> bool:
    """Whether the sample of then is found."""
    span = f"start={moment - DAY}&end={moment + DAY}"
    return b'"later"' in database.ask(f"/api/v1/export?match[]=later&{span}").body


def dropped(database: Alone) -> bool:
    """Whether it says that it has dropped a month."""
    return b"has been dropped" in database.container.logs()


def test_samples_ahead_of_its_clock_are_not_dropped() -> None:
    """Another one beside it, with VictoriaMetrics' own setting, tells when it would have."""
    moment = int(time.time()) + AHEAD
    sample = {"metric": {"__name__": "later"}, "values": [1], "timestamps": [moment * 1000]}
    with Alone(*DATABASE_8428, variables={"victoriametrics_accepts_writes": True}) as writer:
        assert writer.ask("/api/v1/import", json.dumps(sample).encode()).status == 204
        until(lambda: kept(writer, moment), "the sample is there")
        writer.stop()
        usual = {"victoriametrics_flags_extra": {"futureRetention": "2d"}}
        with Alone(*DATABASE_8428, past=writer) as ours, Alone(*DATABASE_8428, variables=usual, past=writer) as other:
            assert kept(ours, moment)
            until(lambda: dropped(other), "the other one drops it", seconds=DROP_SECONDS)
            assert kept(ours, moment), "it was started first, and has looked before"
            assert not dropped(ours)
