"""Containers and images on a robot, whichever engine runs them; one folder a driver."""
