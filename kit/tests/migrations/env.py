from sqlalchemy import MetaData

from kit import migrations

migrations.run(MetaData())
