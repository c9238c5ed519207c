"""The watchdog between two runs: its program, settings and units."""
