"""What the project keeps on a robot between runs; each file carries its format's number."""
