"""Usage: who read a person's data."""
