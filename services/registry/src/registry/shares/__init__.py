"""Shares: some fields of a record, shown to whoever has a link."""
