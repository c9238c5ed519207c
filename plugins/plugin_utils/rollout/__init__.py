"""How a change goes over a fleet: in which order, in which waves, and whether it goes on.

Pure functions over plain data: nothing here imports Ansible or opens a connection.
"""
