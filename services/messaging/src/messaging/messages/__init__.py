"""Messages: one to each recipient, tried until it is delivered or given up."""
