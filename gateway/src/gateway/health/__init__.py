"""Whether the house can serve."""
