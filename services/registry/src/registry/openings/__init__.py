"""Openings: what a shared link shows, to whom and while what holds."""
