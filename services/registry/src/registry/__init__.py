"""The digital registries building block."""
