"""Preferences: whether and how an individual wants to be told of changes."""
