"""The command: ``python -m kit.serve BLOCK [--migrate]``."""

import argparse
import sys

from kit.serve.block import StartError, Supervisor, find


def main() -> int:
    """Serve the block named on the command line until SIGTERM; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m kit.serve", description=__doc__)
    parser.add_argument("block", help="the block's import name")
    parser.add_argument(
        "--migrate", action="store_true", help="bring the database to the newest version, and end"
    )
    chosen = parser.parse_args()
    try:
        supervisor = Supervisor(find(chosen.block))
        supervisor.run(serving=not chosen.migrate)
    except StartError as error:
        sys.stderr.write(f"{chosen.block}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
