"""API keys of applications."""
