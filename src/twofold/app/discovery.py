"""Finding the modules of an application by convention: every `Module` that the Python modules of a package have at
their top. `App.discover` calls it once; it imports, and changes nothing.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import ClassVar

from twofold.dispatch import Module
from twofold.errors import Hinted, WiringError


class NotDiscovered(Hinted, WiringError):
    """A package has nothing to discover, or cannot be imported; what an import raised is its cause.

    Args:
        text: What is wrong.
        package: The package that was to be looked through.
        hint: What to do about it.
    """

    code: ClassVar[str] = "not_discovered"

    def __init__(self, text: str, *, package: str, hint: str) -> None:
        super().__init__(text, hint=hint)
        self.package = package


def discovered(package: str | ModuleType | None) -> list[Module]:
    """The modules of a package, each once, in the order of the names of the Python modules that they are found in.

    Args:
        package: The package, its name, or a single Python module.

    Raises:
        NotDiscovered: There is no such package, something in it cannot be imported, or no `Module` is found.
    """
    root, *below = imported(package)
    everything = [value for one in (root, *below) for value in vars(one).values()]
    found = dict.fromkeys(value for value in everything if isinstance(value, Module))
    if not found:
        hint = "put one at the top of a file: orders = Module('orders'); folders need an __init__.py to be looked into"
        raise NotDiscovered(f"{root.__name__} has no Module", package=root.__name__, hint=hint)
    return list(found)


def imported(package: str | ModuleType | None) -> list[ModuleType]:
    """A package and all Python modules below it, imported; but for `__main__`, which would run.

    Args:
        package: The package, its name, or a single Python module.

    Raises:
        NotDiscovered: There is no such package, or something in it cannot be imported.
    """
    if not package:
        hint = 'write discover("shop"), or start it as a part of its package: twofold run shop.app:app, say'
        raise NotDiscovered(f"{package!r} is no package", package="", hint=hint)
    root = package if isinstance(package, ModuleType) else _root(package)
    return [root, *_below(root, root.__name__)]


def _root(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            hint = "it is imported by the name that your own code would import it by"
            raise NotDiscovered(f"there is no package {name!r}", package=name, hint=hint) from None
        raise _broken(name, name, error) from error
    except Exception as error:
        raise _broken(name, name, error) from error


def _below(parent: ModuleType, root: str) -> Iterator[ModuleType]:
    for name in sorted({one.name for one in pkgutil.iter_modules(getattr(parent, "__path__", ()))} - {"__main__"}):
        full_name = f"{parent.__name__}.{name}"
        try:
            python_module = importlib.import_module(full_name)
        except Exception as error:
            raise _broken(full_name, root, error) from error
        yield python_module
        yield from _below(python_module, root)


def _broken(name: str, root: str, error: Exception) -> NotDiscovered:
    hint = f"import {name} by itself to see where; all that is in {root} is imported to find its modules"
    return NotDiscovered(f"{name} cannot be imported: {type(error).__qualname__}: {error}", package=root, hint=hint)
