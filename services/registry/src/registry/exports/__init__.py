"""Exports: the records of a list as a file."""
