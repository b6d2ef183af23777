"""Opening a module by name when it is asked for, so that what nobody uses is neither loaded nor needed."""

import importlib
from types import ModuleType

from twofold.errors._wiring import MissingExtraError


def open_module(name: str, *, extra: str | None) -> ModuleType:
    """Import a module of twofold that may need packages which a plain installation does not have.

    Args:
        name: Its full name.
        extra: The extra that brings what it needs; None when a plain installation does.

    Raises:
        MissingExtraError: A package that it needs is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if extra is None or package in ("", "twofold"):
            raise
        raise MissingExtraError(room=name, extra=extra, package=package) from error
