"""What a robot lacks and the controller brings: packages, images, a reboot."""
