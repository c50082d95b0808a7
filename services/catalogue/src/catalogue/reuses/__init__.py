"""Reuses: who reuses what, in which state, and how that is known."""
