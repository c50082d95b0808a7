from kit.migrations import steps
from registry.tables import metadata

steps.run(metadata)
