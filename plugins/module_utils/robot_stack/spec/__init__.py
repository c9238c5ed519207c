"""What one robot's declaration says: its model, how it is parsed, what is wrong with it, where its files go."""
