"""What the budget holds, measured: a load, the questions asked of it, the rule, and the comparisons made with them."""

from ansible.plugins.loader import init_plugin_loader

# First of all: whoever imports the collection before Ansible's own importer is there gets it without its plugins.
init_plugin_loader()
