from gateway.tables import metadata
from kit.migrations import steps

steps.run(metadata)
