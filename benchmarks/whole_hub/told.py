"""What robots tell of sending, by their own pages of metrics. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from . import metrics

PENDING = "vmagent_remotewrite_pending_data_bytes"
SENT_BYTES = "vmagent_remotewrite_bytes_sent_total"
REQUESTS = "vmagent_remotewrite_requests_total"
RETRIES = "vmagent_remotewrite_retries_count_total"
ERRORS = "vmagent_remotewrite_errors_total"
LOST = (
    "vmagent_remotewrite_packets_dropped_total",
    "vmagent_remotewrite_samples_dropped_total",
    "vm_persistentqueue_bytes_dropped_total",
)


@dataclass(frozen=True)
class Told:
    """All of them together, since they were started."""

    sent_bytes: float = 0.0  # compressed, without any header
    requests: dict[str, float] = field(default_factory=dict)  # by their answers: 2XX, 429
    retries: float = 0.0
    errors: float = 0.0  # no answer at all
    lost: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, pages: Sequence[str]) -> Told:
        """Read it from their pages of metrics."""
        lost = {name: metrics.total(pages, name) for name in LOST}
        return cls(
            metrics.total(pages, SENT_BYTES),
            metrics.by(pages, REQUESTS, "status_code"),
            metrics.total(pages, RETRIES),
            metrics.total(pages, ERRORS),
            lost,
        )

    def __sub__(self, before: Told) -> Told:
        """Return what came since ``before``."""
        return Told(
            self.sent_bytes - before.sent_bytes,
            {answer: count - before.requests.get(answer, 0.0) for answer, count in self.requests.items()},
            self.retries - before.retries,
            self.errors - before.errors,
            {name: count - before.lost.get(name, 0.0) for name, count in self.lost.items()},
        )
