"""Backups as files on the controller."""
