"""Conditions: what is said of a record, held against values here or in PostgreSQL."""
