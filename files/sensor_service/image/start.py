"""What the image runs. A script, because `python -m` would load runpy and its dependencies for nothing."""

import os

from sensor_service.__main__ import main

# Not sys.exit: it would wait for a worker that hangs in a read.
os._exit(main(os.environ))
