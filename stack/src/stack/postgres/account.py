"""The user that PostgreSQL runs as."""

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from stack.postgres.errors import PostgresError


@dataclass(frozen=True)
class Account:
    """The user that PostgreSQL runs as; None where that is the user we are."""

    uid: int | None
    gid: int | None

    @classmethod
    def choose(cls) -> Self:
        """Choose `nobody` for root, and nobody else for anybody else."""
        if os.geteuid() != 0:
            return cls(None, None)
        try:
            entry = pwd.getpwnam("nobody")
        except KeyError as error:
            raise PostgresError(
                "PostgreSQL does not run as root and there is no user 'nobody'."
            ) from error
        return cls(entry.pw_uid, entry.pw_gid)

    def own(self, path: Path) -> None:
        """Give this account a file or folder that we have just made."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def reaches(self, folder: Path) -> bool:
        """Tell whether the modes of the folder and of those above it let us through."""
        folders = (folder, *folder.parents)
        return self.uid is None or all(self._enters(each.stat()) for each in folders)

    def _enters(self, status: os.stat_result) -> bool:
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a program to its end as this account, with an empty environment."""
        return subprocess.run(  # noqa: S603 -- our own arguments, no shell
            command,
            user=self.uid,
            group=self.gid,
            extra_groups=None if self.uid is None else [],
            cwd="/",
            env={"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
