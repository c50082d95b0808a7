from kit.migrations import steps
from messaging.tables import metadata

steps.run(metadata)
