"""Rows: records as files of text carry them."""
