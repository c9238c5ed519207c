"""One call of the module from beginning to end."""
