"""The images on the controller: built, pulled or read from a folder, packed once, sent as thin as a robot allows."""

from __future__ import annotations

import robot_code  # noqa: F401 (what tells two images apart is the robot's code: this comes first)

from .errors import ImageUnavailableError
from .images import Archive, Images

__all__ = ["Archive", "ImageUnavailableError", "Images"]
