from kit import migrations
from registry.tables import metadata

migrations.run(metadata)
