"""A disk that can be taken back to any moment: what a program wrote and synced, in order, and what a power cut leaves.

The writes are recorded by a library that is loaded before the system's own. Each record is one line, `W-wal 4096 24`
say (what, the end of the file's name, offset, length), with the bytes behind it; the program adds `A` for what it has
acknowledged.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

_RECORDER = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define REAL(name, type) ((type)dlsym(RTLD_NEXT, name))

static const char *end_of(const char *path) {
    const char *database = getenv("RECORDED");
    size_t length = strlen(database);
    if (strncmp(path, database, length) != 0 || strcmp(path + length, "-shm") == 0) return NULL;
    return path + length;
}

static void record(char what, const char *path, int64_t offset, const void *data, size_t length) {
    const char *end = end_of(path);
    if (end == NULL) return;
    char *text = malloc(length + 256);
    int head = snprintf(text, 256, "%c%s %lld %zu\\n", what, end, (long long)offset, length);
    if (length) memcpy(text + head, data, length);
    int out = open(getenv("RECORD"), O_WRONLY | O_APPEND);
    if (out < 0 || syscall(SYS_write, out, text, head + length) != (long)(head + length)) abort();
    close(out);
    free(text);
}

static void record_of(int file, char what, int64_t offset, const void *data, size_t length) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return;
    path[size] = 0;
    record(what, path, offset, data, length);
}

static ssize_t written(const char *name, int file, const void *data, size_t length, off_t offset) {
    ssize_t done = REAL(name, ssize_t (*)(int, const void *, size_t, off_t))(file, data, length, offset);
    if (done > 0) record_of(file, 'W', offset, data, done);
    return done;
}
ssize_t pwrite(int file, const void *data, size_t length, off_t offset) {
    return written("pwrite", file, data, length, offset);
}
ssize_t pwrite64(int file, const void *data, size_t length, off_t offset) {
    return written("pwrite64", file, data, length, offset);
}

static int cut(const char *name, int file, off_t length) {
    int failed = REAL(name, int (*)(int, off_t))(file, length);
    if (!failed) record_of(file, 'T', length, NULL, 0);
    return failed;
}
int ftruncate(int file, off_t length) { return cut("ftruncate", file, length); }
int ftruncate64(int file, off_t length) { return cut("ftruncate64", file, length); }

static int synced(const char *name, int file) {
    int failed = REAL(name, int (*)(int))(file);
    if (!failed) record_of(file, 'S', 0, NULL, 0);
    return failed;
}
int fsync(int file) { return synced("fsync", file); }
int fdatasync(int file) { return synced("fdatasync", file); }

int unlink(const char *path) {
    int failed = REAL("unlink", int (*)(const char *))(path);
    if (!failed) record('U', path, 0, NULL, 0);
    return failed;
}
"""
_SECTOR = 512


class Step(NamedTuple):
    """One thing that was done.

    Args:
        what: `W` written, `T` cut to a length, `S` synced, `U` removed, `A` acknowledged.
        file: The end of the file's name; empty for the database itself.
        offset: Where it was written; the length that it was cut to.
        data: What was written.
    """

    what: str
    file: str
    offset: int
    data: bytes


class Recording:
    """A record of what a program does to a database.

    Args:
        compiler: A C compiler.
        folder: Where to keep the record.
        database: The database's file.
    """

    def __init__(self, compiler: str, folder: Path, database: Path) -> None:
        self._library, self._record = folder / "recorder.so", folder / "record"
        self.database = database.resolve()
        build = [compiler, "-shared", "-fPIC", "-o", str(self._library), "-x", "c", "-", "-ldl"]
        subprocess.run(build, input=_RECORDER.encode(), check=True)
        self._record.touch()

    @property
    def environment(self) -> dict[str, str]:
        """What the program needs in its environment."""
        return {"LD_PRELOAD": str(self._library), "RECORDED": str(self.database), "RECORD": str(self._record)}

    def steps(self) -> Iterator[Step]:
        """All that was done, in order."""
        with self._record.open("rb") as record:
            while line := record.readline():
                head, offset, length = line.decode().split(" ")
                yield Step(head[0], head[1:], int(offset), record.read(int(length)))


def acknowledge() -> None:
    """Record that something was acknowledged; for the program."""
    record = os.open(os.environ["RECORD"], os.O_WRONLY | os.O_APPEND)
    os.write(record, b"A 0 0\n")
    os.close(record)


class Disk:
    """The files of a database after some steps."""

    def __init__(self) -> None:
        self._safe = dict[str, bytearray]()
        self._seen = dict[str, bytearray]()
        self._waiting = dict[str, list[Step]]()

    def take(self, step: Step) -> None:
        """Do the next step."""
        match step.what:
            case "W" | "T":
                _apply(self._seen.setdefault(step.file, bytearray()), step)
                self._waiting.setdefault(step.file, []).append(step)
            case "S" if step.file in self._seen:
                self._safe[step.file] = bytearray(self._seen[step.file])
                self._waiting[step.file] = []
            case "U":
                for files in (self._safe, self._seen, self._waiting):
                    files.pop(step.file, None)
            case _:
                pass

    def leave(self, database: Path, chance: Random | None = None) -> None:
        """Leave the files as they are after a power cut.

        Args:
            database: Where to.
            chance: Tells of which sectors that were not synced the disk has lost; None for a disk that wrote in order,
                and lost nothing.
        """
        for file, seen in self._seen.items():
            content = seen
            if chance is not None:
                content = bytearray(self._safe.get(file, b""))
                for step in self._waiting[file]:
                    for part in _sectors(step):
                        if chance.random() < 0.5:
                            _apply(content, part)
            database.with_name(database.name + file).write_bytes(content)


def _sectors(step: Step) -> Iterator[Step]:
    if step.what == "T":
        yield step
    at, end = step.offset, step.offset + len(step.data)
    while at < end:
        border = min(end, (at // _SECTOR + 1) * _SECTOR)
        yield step._replace(offset=at, data=step.data[at - step.offset : border - step.offset])
        at = border


def _apply(content: bytearray, step: Step) -> None:
    if step.what == "T":
        del content[step.offset :]
    content.extend(bytes(max(0, step.offset - len(content))))
    content[step.offset : step.offset + len(step.data)] = step.data
