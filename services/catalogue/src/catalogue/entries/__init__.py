"""Entries: the practices, products, components, services and standards of the catalogue."""
