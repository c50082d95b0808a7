"""The configuration of an instance."""
