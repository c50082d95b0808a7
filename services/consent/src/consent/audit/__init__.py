"""Audit: what auditors see of a member, or of all."""
