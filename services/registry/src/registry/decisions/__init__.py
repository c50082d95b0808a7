"""Decisions: what the consent block says about one read."""
