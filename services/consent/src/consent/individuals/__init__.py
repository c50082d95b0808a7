"""Individuals: those who give and withdraw consent."""
