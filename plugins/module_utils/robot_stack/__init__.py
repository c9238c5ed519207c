"""What makes a robot equal to its spec: observe, plan, apply, read back, judge.

Runs on the robot's own Python (3.9 or later, standard library only). The filesystem roots and the engine's
socket are parameters everywhere, so that a fixture tree and a fake engine can stand for a robot.
"""
