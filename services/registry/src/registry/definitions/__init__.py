"""Definitions of databases as documents: JSON, YAML and sheets, out and in again."""
