"""Samples: texts that match a pattern."""
