"""Roles, groups, and who holds them in a member's databases."""
