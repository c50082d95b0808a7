"""Changes: records created, updated and deleted."""
