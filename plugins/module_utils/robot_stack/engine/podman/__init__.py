"""Podman: systemd runs the containers, each as a Quadlet unit in a slice of its own; programs are asked, no socket."""
