"""Validation: whether content fits its schema."""
