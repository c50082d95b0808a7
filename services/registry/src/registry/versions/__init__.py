"""Versions of databases: published, deprecated with guidance, and deleted one by one."""
