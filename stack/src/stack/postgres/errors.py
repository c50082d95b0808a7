"""What callers of this package catch."""


class PostgresError(Exception):
    """What went wrong with PostgreSQL, in one sentence for a person at a terminal."""
