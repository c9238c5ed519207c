"""A hub as it is deployed, with the robots that send to it: one host or three, on this computer."""
