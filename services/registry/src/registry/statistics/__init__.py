"""Statistics: counts, sums and time series over the records a caller may see (DRS-26, DRS-36)."""
