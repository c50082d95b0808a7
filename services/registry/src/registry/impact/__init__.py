"""What publishing a schema would break: for readers, for writers, and for records there are."""
