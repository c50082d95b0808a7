"""Indexes: the words and values of records, kept beside them so that lists find them fast."""
