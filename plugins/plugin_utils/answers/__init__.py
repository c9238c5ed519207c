"""What robots say, made harmless where it enters the controller: printable, bounded, of the types that we know."""
