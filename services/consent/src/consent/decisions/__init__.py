"""Decisions: whether data may be used now, and why."""
