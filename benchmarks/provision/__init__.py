"""What it costs to find out that nothing changed: the product, a usual Ansible role, pyinfra and a shell script."""
