"""A sensor service with the usual mistakes, to compare with: Flask, a 5 MB blob, a loop of 2,000,000 steps a scrape.

Our own, after the description of a service that ran on robots. It is measured, never deployed.
"""

from __future__ import annotations

import os
import random

from flask import Flask, Response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

STEPS = 2_000_000
SENSORS = 50
app = Flask(__name__)
data_blob = "X" * 5_000_000
reading = Gauge("sensor_reading", "A sensor's value", ["sensor"])


def metrics() -> Response:
    """Return all readings, after work that nobody needs."""
    total = 0
    for step in range(STEPS):
        total += step
    copy = data_blob + str(total)  # another 5 MB, for as long as the request lasts
    for sensor in range(SENSORS):
        reading.labels(sensor=str(sensor)).set(random.random() * len(copy))  # noqa: S311 (a reading, not a secret)
    return Response(generate_latest(), mimetype=CONTENT_TYPE_LATEST)


app.add_url_rule("/metrics", view_func=metrics)

if __name__ == "__main__":
    host, _, port = os.environ["LISTEN_ADDRESS"].rpartition(":")
    app.run(host=host, port=int(port), threaded=True)
