"""Delegations: who speaks for whom, between which dates."""
