"""Announcements: what happened, written down and on its way to who wants to know."""
