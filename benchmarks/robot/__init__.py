"""Programs that run beside the stack: standard library only, one file each, for Python 3.9 or later."""
