"""Mappings: what is made of the values of one record, or of an answer."""
