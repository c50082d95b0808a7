"""Columns: a record as one row of a table, and back."""
