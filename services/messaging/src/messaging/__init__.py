"""The messaging building block."""
