"""Automations: what moves data between databases, and to outside."""
