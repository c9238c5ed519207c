"""How a change goes over a fleet: in which order, in which waves, divided among whom, and whether it goes on.

Pure functions over plain data: nothing here imports Ansible or opens a connection. Files are read and written by
`results` alone, for processes that divide a run.
"""
