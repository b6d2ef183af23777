"""Writing new files: all of them or none, and never over one that is there."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from twofold.errors import Exists, Hinted, Unavailable


class AlreadyThere(Hinted, Exists):
    """Something that is to be made is there, and it is left as it is.

    Args:
        text: What is there.
        hint: What to do about it.
    """

    code: ClassVar[str] = "already_there"


def write(root: Path, texts: Mapping[Path, str]) -> None:
    """Write new files; when one of them cannot be, none is left behind.

    Args:
        root: The folder that they are told relative to.
        texts: What is in them.

    Raises:
        AlreadyThere: One of them is there, or in the place of a folder; nothing is written.
        Unavailable: The disk refuses; what was written is taken away again.
    """
    taken = [path for path in texts if path.exists()]
    taken += {parent for path in texts for parent in _parents(path, root) if parent.exists() and not parent.is_dir()}
    if taken:
        _refuse(taken, root)
    made: list[Path] = []
    try:
        for path, text in texts.items():
            for folder in reversed([one for one in _parents(path, root) if not one.exists()]):
                folder.mkdir()
                made.append(folder)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                made.append(path)
                file.write(text)
    except OSError as error:
        for one in reversed(made):
            with suppress(OSError):  # whatever somebody else has put there meanwhile stays
                one.rmdir() if one.is_dir() else one.unlink()
        if isinstance(error, FileExistsError):
            _refuse([Path(error.filename)], root)
        raise Unavailable(f"nothing was written: {error}") from error


def _refuse(taken: Iterable[Path], root: Path) -> None:
    names = ", ".join(sorted(path.relative_to(root.parent).as_posix() for path in taken))
    raise AlreadyThere(f"{names} is there", hint="choose another name, or take it away first; nothing was written")


def _parents(path: Path, root: Path) -> list[Path]:
    """The folders of a file that belong to what is written, from the inside out."""
    return [parent for parent in path.parents if parent == root or root in parent.parents]
