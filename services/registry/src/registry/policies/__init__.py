"""Policies: rules about who may do what, read from JSON."""
