"""Fields: what a schema says a record is made of."""
