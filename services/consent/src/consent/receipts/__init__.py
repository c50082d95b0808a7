"""Receipts: what an individual agreed to, signed, to take away and to check anywhere."""
