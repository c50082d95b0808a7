from kit import migrations
from messaging.tables import metadata

migrations.run(metadata)
