"""A service's role, turned into what the robot is told."""
