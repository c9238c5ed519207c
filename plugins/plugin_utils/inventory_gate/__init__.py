"""What an inventory declares, judged before any robot is contacted.

Pure functions over plain data: nothing here imports Ansible or opens a connection. The action plugin of the same
name gathers the variables; the JSON schema of the budget files is made from the same rules.
"""
