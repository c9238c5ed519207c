"""What can go wrong with an image on the controller."""

from __future__ import annotations


class ImageUnavailableError(RuntimeError):
    """An image cannot be had; the message says which, why, and what to do."""
