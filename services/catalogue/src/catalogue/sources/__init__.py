"""Sources: where a claim of the catalogue comes from."""
