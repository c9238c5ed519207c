"""The driver for Docker: everything that only Docker knows."""
