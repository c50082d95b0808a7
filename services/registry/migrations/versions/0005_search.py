"""What lists and searches look into."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


_STATEMENTS = (
    """
    CREATE TABLE record_words (
      record_id uuid PRIMARY KEY REFERENCES record (id) ON DELETE CASCADE,
      words tsvector NOT NULL
    )
    """,
    "CREATE INDEX record_words_words ON record_words USING gin (words)",
    """
    CREATE TABLE record_value (
      database_id bigint NOT NULL,
      field text NOT NULL,
      text text COLLATE "C",
      number numeric,
      record_id uuid NOT NULL REFERENCES record (id) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX record_value_text ON record_value (database_id, field, text, record_id)",
    "CREATE INDEX record_value_number ON record_value (database_id, field, number, record_id)",
    "CREATE INDEX record_value_record ON record_value (record_id)",
    """
    CREATE INDEX record_live ON record (database_id, number)
      WHERE deleted_at IS NULL AND archived_at IS NULL
    """,
)
