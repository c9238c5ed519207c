"""The collectors, one small file each: `collect(robot, out)` puts what it finds on `robot` into `out`.

A collector imports nothing but this package's `files` and `metric`, keeps no state, and may be slow, hang or raise:
the runner sees to the scrape. How to add one: docs/adding-a-sensor.md.
"""
