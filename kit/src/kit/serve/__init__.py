"""One block served by its own supervisor: ``python -m kit.serve BLOCK`` (docs/decisions/0010)."""
