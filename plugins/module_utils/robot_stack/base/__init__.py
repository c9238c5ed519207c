"""What everything else stands on: units, durations, files, paths, the lock. Imports no other room."""
