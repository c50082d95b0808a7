"""Actions: what a trigger may do to a record."""
