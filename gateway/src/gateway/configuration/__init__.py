"""What the gateway decides by, in memory and never out of date."""
