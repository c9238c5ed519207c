"""A database's samples out of a robot and into one."""
