"""Makes the virtual environment that every `make` target runs in, and makes it again when it is stale.

Runs on the bare interpreter, so it imports the standard library only. A stamp is written last: an
interrupted set-up leaves none and starts over.
"""

import fcntl
import hashlib
import subprocess
import sys
import venv
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
PROJECT = ROOT / "pyproject.toml"


def main(directory: Path) -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever calls make may bring an older one
        sys.exit(f"twofold needs Python 3.11 or newer, and this is {sys.version.split()[0]}")
    # A virtual environment holds absolute paths: its place and its interpreter count like its contents.
    packages = Stamp(directory / "packages.stamp", str(directory), sys.version, sys.base_prefix, digest(LOCK))
    project = Stamp(directory / "project.stamp", digest(PROJECT))
    with LOCK.open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not packages.fresh():
            print(f"setting up {directory.name} (once, about a minute)", flush=True)
            venv.create(directory, clear=True, with_pip=find_spec("ensurepip") is not None, symlinks=True)
            install(directory, "--require-hashes", "--only-binary", ":all:", "--requirement", str(LOCK))
            packages.write()
        if not project.fresh():
            install(directory, "--no-build-isolation", "--no-deps", "--no-index", "--editable", str(ROOT))
            project.write()


class Stamp:
    def __init__(self, path: Path, *facts: str) -> None:
        self._path = path
        self._text = "\n".join(facts)

    def fresh(self) -> bool:
        return self._path.is_file() and self._path.read_text() == self._text

    def write(self) -> None:
        self._path.write_text(self._text)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def install(directory: Path, *arguments: str) -> None:
    options = ["--disable-pip-version-check", "--no-input", "install", "--quiet", "--quiet"]
    done = subprocess.run([*pip_for(directory), *options, *arguments], check=False)
    if done.returncode:
        sys.exit(f"pip could not set up {directory.name}; the next call starts over")


def pip_for(directory: Path) -> list[str]:
    """The environment's own pip; where Python came without `ensurepip`, as Debian's does, the one beside it."""
    python = directory / "bin" / "python"
    if (directory / "bin" / "pip").exists():
        return [str(python), "-m", "pip"]
    return [sys.executable, "-m", "pip", "--python", str(python)]


if __name__ == "__main__":
    main(ROOT / sys.argv[1])
