"""Finding an application by the name that people type: `package.module:attribute`."""

import importlib
import sys
from pathlib import Path

from twofold.app._app import App
from twofold.errors import WiringError


def locate(target: str) -> App:
    """Import an application.

    Args:
        target: `module:attribute`; the attribute is `app` unless given.

    Raises:
        WiringError: There is no such module or attribute, or it is no App.
    """
    name, _, attribute = target.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            raise
        raise WiringError(f"there is no module {error.name!r} to load {target!r} from") from error
    app = getattr(module, attribute or "app", None)
    if not isinstance(app, App):
        raise WiringError(f"{target!r} is no App: {name} has no application called {attribute or 'app'!r}")
    return app
