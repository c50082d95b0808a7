"""Batches: many records created, changed or deleted by one request."""
