"""Subscriptions: who is told of what happens in a database."""
