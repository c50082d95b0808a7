"""The embedded PostgreSQL, and the database that each block gets on any PostgreSQL.

`Server` runs the PostgreSQL of a Python wheel below one home folder. The home holds
`password` (the superuser's, mode 0600), `postgres.log`, `lock`, and `data` and `socket`,
which belong to the user that runs PostgreSQL.

PostgreSQL refuses to run as root. Started by root it runs as `nobody`, to whom we give
only folders that we made. If `nobody` cannot reach the home, `data` and `socket` are in
`/var/lib/govblocks/<hash of the home's path>` instead; if `nobody` cannot run the
wheel's programs, a copy of them is kept beside `data`. Nothing else changes its mode or
owner. If the path of the socket would be too long for the operating system, the socket
is in a private folder below `/tmp` while the server runs.
"""

from stack.postgres.connecting import check
from stack.postgres.errors import PostgresError
from stack.postgres.provisioning import BlockDatabase, provision
from stack.postgres.server import Server

__all__ = ["BlockDatabase", "PostgresError", "Server", "check", "provision"]
