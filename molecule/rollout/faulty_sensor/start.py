"""The sensor service as a bad version: it becomes healthy, serves for some seconds, and ends."""

import _thread
import os
import sys
import time

sys.path.insert(0, "/app")

from sensor_service.__main__ import main

GOOD_SECONDS = 25  # past the end of the run that brings it, also on a slow machine: the gate is to find it


def end() -> None:
    """End with words that an operator must get to see."""
    time.sleep(GOOD_SECONDS)
    os.write(2, b"the lidar's calibration is missing\n")
    os._exit(3)


_thread.start_new_thread(end, ())
os._exit(main(os.environ))
