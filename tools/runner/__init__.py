"""Runs the linters, the unit tests and the scenarios: in which order, how often, and what is told of them."""
