"""Marks: what a field is besides its type: a link, a file, masked."""
