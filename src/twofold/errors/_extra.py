"""Opening what needs packages that a plain installation does not have, and which extra brings one that is missing."""

import importlib
from types import ModuleType, TracebackType
from typing import final

from twofold.errors._wiring import MissingExtraError


@final
class Extra:
    """Goes around imports that need an extra, so that a package that is missing is told with it.

    Args:
        name: The extra.
        room: What needs it.

    Raises:
        MissingExtraError: A package that is imported inside is not installed.

    Example:
        >>> with Extra("sql", room=__name__):
        ...     import sqlalchemy
    """

    __slots__ = ("_name", "_room")

    def __init__(self, name: str, *, room: str) -> None:
        self._name, self._room = name, room

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, ModuleNotFoundError):
            package = (error.name or "").partition(".")[0]
            if package not in ("", "twofold"):
                raise MissingExtraError(room=self._room, extra=self._name, package=package) from error


def open_module(name: str, *, extra: str | None) -> ModuleType:
    """Import a module of twofold that may need packages which a plain installation does not have.

    Args:
        name: Its full name.
        extra: The extra that brings what it needs; None when a plain installation does.

    Raises:
        MissingExtraError: A package that it needs is not installed.
    """
    if extra is None:
        return importlib.import_module(name)
    with Extra(extra, room=name):
        return importlib.import_module(name)
