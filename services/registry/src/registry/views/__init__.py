"""Views: some fields of some records under names of their own, for readers of their own."""
