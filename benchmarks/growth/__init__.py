"""How the cost of a run grows with the fleet: up to many hundred light robots on one computer."""
