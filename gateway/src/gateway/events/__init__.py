"""Rooms: publish and subscribe."""
