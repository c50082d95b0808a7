"""Notices: individuals who want to are told that an agreement of theirs has changed."""
