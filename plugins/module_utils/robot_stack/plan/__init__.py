"""What would make a robot equal to its spec: observed, checked, planned. Nothing here changes anything."""
