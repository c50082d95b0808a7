"""Submissions: from a draft to a signed consent record."""
