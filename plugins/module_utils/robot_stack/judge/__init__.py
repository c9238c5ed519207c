"""Reading back what is true on a robot, and the verdict over it."""
