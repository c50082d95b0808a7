"""Secrets: fields that only who presents the database's key can read."""
