"""The house measured beside bare baselines, in one run: see docs/guides/benchmarks.md."""
