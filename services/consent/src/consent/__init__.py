"""The consent building block."""
