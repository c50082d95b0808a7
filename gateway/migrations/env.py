from gateway.tables import metadata
from kit import migrations

migrations.run(metadata)
