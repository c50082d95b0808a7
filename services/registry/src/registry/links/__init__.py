"""Links: fields that name records of other databases."""
