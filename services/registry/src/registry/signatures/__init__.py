"""Signatures: what a file is by its bytes, whatever its name says."""
