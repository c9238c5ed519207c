"""Arithmetic and names of vmagent's buffer."""
