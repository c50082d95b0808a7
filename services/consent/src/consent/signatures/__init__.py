"""Signatures: what makes a given consent binding."""
