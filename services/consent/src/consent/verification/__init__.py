"""Verification: what those who use data may look at."""
