"""Documents as people write them, JSON and YAML, read without surprises."""
