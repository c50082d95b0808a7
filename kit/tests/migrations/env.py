from sqlalchemy import MetaData

from kit.migrations import steps

steps.run(MetaData())
