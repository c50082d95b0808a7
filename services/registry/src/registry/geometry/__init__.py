"""Geometry: points and shapes on the earth."""
