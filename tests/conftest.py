"""What the unit tests share."""

from __future__ import annotations

from ansible.plugins.loader import init_plugin_loader
from hypothesis import settings

# First of all: whoever imports the collection before Ansible's own importer is there gets it without its plugins.
init_plugin_loader()

# A busy machine is no fault of what is tested.
settings.register_profile("project", deadline=None)
settings.load_profile("project")
