"""The folder with a hub's secrets on the controller: compared with the hub, and changed in steps."""
