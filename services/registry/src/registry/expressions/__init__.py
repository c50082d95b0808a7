"""Expressions: regular ones that mean the same here and in PostgreSQL, in linear time."""
