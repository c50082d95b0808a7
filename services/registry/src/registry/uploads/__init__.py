"""Uploads: a body of several parts, read as it comes."""
