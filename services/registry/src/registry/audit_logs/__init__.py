"""Audit logs: everything that was done in a member's databases, for its analysts."""
