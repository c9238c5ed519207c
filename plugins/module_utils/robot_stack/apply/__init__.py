"""Carrying out the steps of a plan."""
