"""Release 1.0: other names for the same; nothing is decided here."""
