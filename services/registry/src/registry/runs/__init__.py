"""Runs: one time that an automation went through the records."""
