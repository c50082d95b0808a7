"""Attempts that failed: told to whoever watches, and slowed when they are guesses."""
