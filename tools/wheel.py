"""Builds the wheel and the sdist, and tells what is in them that should not be, or is missing."""

import hashlib
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
PROJECT: Final[Mapping[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BESIDE: Final = ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE")
"""What a wheel has beside the package, in the folder of its metadata."""


def build(target: str, into: Path, root: Path = ROOT) -> Path:
    """Build a `wheel` or an `sdist`, by the build backend that is installed, so that nothing is fetched.

    Args:
        target: Which of them.
        into: The folder to put it in.
        root: The project.
    """
    before = {*into.iterdir()}
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(into)]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    (made,) = {*into.iterdir()} - before
    return made


def flaws_of(wheel: Path, source: Path = ROOT / "src") -> Iterator[str]:
    """What in a wheel is not, byte by byte, what the tests import, or not as the project declares it.

    Args:
        wheel: The wheel.
        source: The tree that an editable installation, as the tests have it, imports from.
    """
    metadata = f"twofold-{PROJECT['version']}.dist-info/"
    with zipfile.ZipFile(wheel) as archive:
        packed = {name: _digest(archive.read(name)) for name in archive.namelist()}
        entries = archive.read(f"{metadata}entry_points.txt").decode().splitlines()
    files = [file for file in source.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    wanted = {file.relative_to(source).as_posix(): _digest(file.read_bytes()) for file in files}
    beside = {f"{metadata}{name}" for name in BESIDE}
    yield from (f"{name} is not in the wheel" for name in sorted((wanted.keys() | beside) - packed.keys()))
    yield from (f"{name} is in the wheel, and no part of it" for name in sorted(packed.keys() - wanted.keys() - beside))
    yield from (
        f"{name} is another one in the wheel" for name in wanted if packed.get(name, "") not in ("", wanted[name])
    )
    groups = (PROJECT["scripts"], *PROJECT["entry-points"].values())
    points = [f"{name} = {place}" for group in groups for name, place in group.items()]
    yield from (f"the wheel has no entry point {line}" for line in points if line not in entries)


def flaws_of_sdist(sdist: Path, wheel: Path, place: Path) -> Iterator[str]:
    """Whether an sdist makes another wheel than its project does.

    Args:
        sdist: The sdist.
        wheel: The wheel of the project.
        place: An empty folder.
    """
    with tarfile.open(sdist) as archive:
        archive.extractall(place, filter="data")
    (root,) = place.iterdir()
    if _digest(build("wheel", place, root).read_bytes()) != _digest(wheel.read_bytes()):
        yield "the sdist makes another wheel"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
