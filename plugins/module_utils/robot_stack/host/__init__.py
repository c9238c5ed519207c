"""What a Linux computer is and does: cgroups, /proc, systemd, disks, packages, the kernel's command line."""
