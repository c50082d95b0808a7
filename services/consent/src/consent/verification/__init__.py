"""Verification: whether data may be used now."""
