"""Reports: questions about a database that are kept, and answered whenever somebody asks."""
