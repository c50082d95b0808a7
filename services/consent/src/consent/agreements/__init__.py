"""Agreements: what an individual is asked to consent to."""
