"""Consents: what individuals gave, refused and withdrew."""
