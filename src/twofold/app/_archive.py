"""An archive of one stream: a file of JSON lines, its first one says what it is, and then one for each event.

What was in the log stands in it byte by byte: data is embedded as it is, and a file is only believed when all that it
was made of is found in it again.
"""

import hashlib
import json
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, cast, final
from uuid import UUID

from pydantic_core import from_json

from twofold.errors import Corrupt, Exists, WiringError
from twofold.store import Recorded

_FORM: Final = 1


@final
class ArchiveWriter:
    """Writes one; nobody but its owner may read it.

    Args:
        path: Where; there must be nothing yet.
        stream: The stream.

    Raises:
        Exists: There is something.
        WiringError: Nothing can be written there.
    """

    def __init__(self, path: Path, stream: str) -> None:
        self._path = path
        self._said = hashlib.sha256()
        self._count = 0
        try:
            self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        except FileExistsError as error:
            raise Exists(f"there is a file {path} already: an archive takes the place of nothing") from error
        except OSError as error:
            raise WiringError(f"nothing can be written to {path}: {error.strerror}") from error
        self._write(_json({"archive": _FORM, "stream": stream}).encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, entry: Recorded) -> None:
        """Write an event."""
        self._write(_line(entry))
        self._count += 1

    def finish(self) -> str:
        """Have all of it on the disk, and prove that it is there.

        Returns:
            The SHA-256 of the file, in hexadecimal digits.

        Raises:
            Corrupt: It is not as it was written.
        """
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        folder = os.open(self._path.absolute().parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        found = read_archive(self._path)
        if sum(1 for _ in found.entries) != self._count or found.sha256 != self._said.hexdigest():
            raise Corrupt(f"{self._path} is not as it was written")
        return found.sha256

    def _write(self, line: bytes) -> None:
        self._said.update(line + b"\n")
        self._file.write(line + b"\n")


class Archive(NamedTuple):
    """An archive as it is read.

    Args:
        stream: The stream that it is of.
        sha256: The SHA-256 of the file, in hexadecimal digits: what tells that nobody has changed a value in it.
        entries: Its events.
    """

    stream: str
    sha256: str
    entries: Iterator[Recorded]


def read_archive(path: Path) -> Archive:
    """An archive.

    Args:
        path: The file.

    Raises:
        Corrupt: It is no archive, or a line of it has not the form in which it was written; the events tell of that,
            too.
        WiringError: It cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WiringError(f"{path} cannot be read: {error.strerror}") from error
    lines = iter(data.splitlines())
    head = _fields(next(lines, b""), path, 1)
    if head.get("archive") != _FORM or not isinstance(head.get("stream"), str):
        raise Corrupt(f"{path} is no archive of a stream that this version knows")
    return Archive(head["stream"], hashlib.sha256(data).hexdigest(), _entries(lines, path))


def _entries(lines: Iterator[bytes], path: Path) -> Iterator[Recorded]:
    for number, line in enumerate(lines, 2):
        fields = _fields(line, path, number)
        try:
            entry = Recorded(
                position=fields["position"],
                stream=fields["stream"],
                version=fields["version"],
                id=UUID(fields["id"]),
                type=fields["type"],
                schema_version=fields["schema_version"],
                data=b64decode(fields["base64"]) if "base64" in fields else b"",
                headers=fields["headers"],
                time=datetime.fromisoformat(fields["time"]),
                tags=tuple(fields["tags"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Corrupt(f"line {number} of {path} is no event") from error
        if "data" in fields:
            entry = entry._replace(data=line[len(_beginning(entry)) : -1])
        if entry.version != number - 1 or _line(entry) != line:
            raise Corrupt(f"line {number} of {path} is not as it was written")
        yield entry


def _line(entry: Recorded) -> bytes:
    if _can_be_embedded(entry.data):
        return _beginning(entry) + entry.data + b"}"
    return _json({**_facts(entry), "base64": b64encode(entry.data).decode()}).encode()


def _beginning(entry: Recorded) -> bytes:
    return _json(_facts(entry)).encode()[:-1] + b',"data":'


def _facts(entry: Recorded) -> dict[str, Any]:
    return {
        "position": entry.position,
        "stream": entry.stream,
        "version": entry.version,
        "id": str(entry.id),
        "type": entry.type,
        "schema_version": entry.schema_version,
        "time": entry.time.isoformat(),
        "tags": entry.tags,
        "headers": dict(entry.headers),
    }


def _can_be_embedded(data: bytes) -> bool:
    """Whether data is JSON that stays in one line."""
    try:
        from_json(data)
    except ValueError:
        return False
    return len(data.splitlines()) == 1


def _fields(line: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        found = from_json(line)
    except ValueError as error:
        raise Corrupt(f"line {number} of {path} is no JSON") from error
    if not isinstance(found, dict):
        raise Corrupt(f"line {number} of {path} is no event")
    return cast("dict[str, Any]", found)


_json: Final = json.JSONEncoder(separators=(",", ":")).encode
