"""Descriptions made of schemas: what a version's records are, and how its services are called."""
