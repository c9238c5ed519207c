"""What a timer starts now and then: the backup of a hub's database."""
