"""Copies of generated services: the same operations under names and for fields of their own."""
