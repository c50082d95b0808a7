"""Effects: what follows from changes of records, in their own transaction."""
