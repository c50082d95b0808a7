"""Files: documents and images that belong to a field of a record."""
