"""Filters: how the text of a query parameter says what a field must be."""
