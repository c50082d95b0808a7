"""Streams on their way through."""
