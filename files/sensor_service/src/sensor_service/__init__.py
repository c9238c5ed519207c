"""Robot sensors and memory for Prometheus and VictoriaMetrics, in a few MiB of RAM.

Imports are the price of a small Python service: `socket` and `signal` alone cost more than this package,
because they load `enum` and its dependencies. So nothing here imports a module that is not needed at run time,
and type-only names are imported under `TYPE_CHECKING`, a constant that type checkers take for true.
"""

VERSION = "0.1.0"
