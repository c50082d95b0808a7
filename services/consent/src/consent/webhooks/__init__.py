"""Webhooks: who wants to be told of what happens, and how far the telling is."""
