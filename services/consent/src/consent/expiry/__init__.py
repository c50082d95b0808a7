"""Expiry: consents end by themselves, and it is told."""
