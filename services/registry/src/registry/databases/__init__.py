"""Databases: registries with their schema, versions and rules."""
