"""The Python package docker, of which a controller may have none: only its own engine is spoken to through it."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any

MISSING = ""  # else why it cannot be imported
try:
    docker: Any = import_module("docker")
    _errors: Any = import_module("docker.errors")
    exclude_paths: Any = import_module("docker.utils.build").exclude_paths
except ImportError as error:
    MISSING = str(error)
    docker = exclude_paths = None
    # Never raised then: nothing can be asked.
    _errors = SimpleNamespace(APIError=OSError, BuildError=OSError, DockerException=OSError, ImageNotFound=OSError)

APIError = _errors.APIError
BuildError = _errors.BuildError
DockerException = _errors.DockerException
ImageNotFound = _errors.ImageNotFound
