"""Announcements: what happened, on its way to who wants to know."""
