"""History: what a record was, and between which moments."""
