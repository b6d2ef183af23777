"""Finding an application by the name that people type: `package.module:attribute`."""

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import ClassVar

from twofold.app._app import App
from twofold.errors import Hinted, WiringError


class AppNotFound(Hinted, WiringError):
    """What was typed leads to no application.

    Args:
        text: What is not there.
        hint: What to type instead.
    """

    code: ClassVar[str] = "app_not_found"


def locate(target: str) -> App:
    """Import an application.

    Args:
        target: `module:attribute`; the attribute is `app` unless given.

    Raises:
        AppNotFound: There is no such module or attribute, or it is no App.
    """
    name, _, attribute = target.partition(":")
    attribute = attribute or "app"
    if not name or name.endswith(".py") or "/" in name:
        module_name = name.removesuffix(".py").replace("/", ".").strip(".") or "module"
        raise AppNotFound(f"{target!r} names no module", hint=f"write {module_name}:{attribute}")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        hint = "write MODULE:APP, a module that can be imported from here and the App in it: shop.main:app, say"
        raise AppNotFound(f"there is no module {error.name!r}", hint=hint) from error
    app = getattr(module, attribute, None)
    if isinstance(app, App):
        return app
    text = f"{name} has no application called {attribute!r}"
    if hasattr(module, attribute):
        text = f"{target!r} is no App: it is a {type(app).__qualname__}"
    raise AppNotFound(text, hint=_offered(module))


def _offered(module: ModuleType) -> str:
    """The applications that a module has, as they are typed."""
    names = [f"{module.__name__}:{name}" for name, value in vars(module).items() if isinstance(value, App)]
    return f"write {' or '.join(names)}" if names else f"{module.__name__} has no App: it takes app = App(...) in there"
