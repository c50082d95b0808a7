"""Transmissions: which data went to whom under which consent (CON-4, CON-6)."""
