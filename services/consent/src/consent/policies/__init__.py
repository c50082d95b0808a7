"""Policies: the rules of an organisation under which its agreements stand."""
