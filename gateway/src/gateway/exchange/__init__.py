"""Exchanges between applications."""
