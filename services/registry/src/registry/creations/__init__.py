"""Creations: a record made with all that goes with it in one statement."""
