"""Older releases of GovStack's contract, each translated to what the registry does today."""
