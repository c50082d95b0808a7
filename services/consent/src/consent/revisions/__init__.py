"""Revisions: what a policy, an agreement or a consent record said, for good."""
