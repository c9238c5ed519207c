"""The images on the controller: built, pulled or read from a folder, packed once, sent as thin as a robot allows."""

from __future__ import annotations

from .errors import ImageUnavailableError
from .images import Archive, Images
from .recipe import Recipe

__all__ = ["Archive", "ImageUnavailableError", "Images", "Recipe"]
