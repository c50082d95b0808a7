"""Triggers: values the registry gives to a new record."""
