"""Counters: how often the services of a database are used, and by what is searched (DRS-12)."""
