"""Printouts: a receipt as a page that a person reads and prints."""
