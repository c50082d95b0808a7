"""Vocabulary: the words a schema is written in."""
