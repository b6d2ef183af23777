"""`twofold new project`: a folder with an application that runs, and tests that pass."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import rich_click as click

from twofold.app.evolution import Snapshot
from twofold.cli.new._fields import Import
from twofold.cli.new._files import write
from twofold.cli.new._names import checked_package
from twofold.cli.new._place import Layout
from twofold.cli.new._source import filled, imports
from twofold.cli.new._words import sentence

_PLACES = {
    "flat": "Each feature is a folder of `{0}`, as `{0}/orders`, with a `module` that its files declare things by.",
    "layered": (
        "Each feature is a folder of three layers: `{0}/domain` has events and aggregates, `{0}/application`\n"
        "commands, queries and reactions, and `{0}/infrastructure` read models and where queries look. A layer\n"
        "imports those before it."
    ),
}
_NEEDED: Final[Mapping[str, Sequence[Import]]] = {
    "project_test.py.txt": (
        ("pathlib", "Path"),
        ("twofold.app", "doctor"),
        *(("twofold.app.evolution", one) for one in ("Snapshot", "Verdict", "compare")),
        ("twofold.testing", "uncovered"),
    ),
    "project_conftest.py.txt": (
        ("collections.abc", "AsyncIterator"),
        ("httpx", ""),
        ("pytest", ""),
        ("twofold.testing", "fresh"),
    ),
}
_LAYERS = ("domain", "application", "infrastructure")


def project(folder: Path, name: str, layout: Layout) -> None:
    """A project.

    Args:
        folder: The folder that it is made in.
        name: What it and its folder are called.
        layout: Where generators put things.

    Raises:
        UsageError: The name is none for a package.
        AlreadyThere: One of the files is there; nothing is written.
    """
    package, root = checked_package(name), folder / name
    values = {
        "name": name,
        "package": package,
        "layout": layout,
        "places": _PLACES[layout].format(package),
    }
    names = {
        "pyproject.toml": "project.toml.txt",
        "README.md": "project_readme.md.txt",
        ".gitignore": "project_ignore.txt",
        f"{package}/app.py": "project_app.py.txt",
        f"{package}/shared.py": "project_shared.py.txt",
        "tests/conftest.py": "project_conftest.py.txt",
        "tests/test_application.py": "project_test.py.txt",
    }
    imported = {
        template: imports([*needed, (f"{package}.app", "app")], package) for template, needed in _NEEDED.items()
    }
    texts = {
        root / path: filled(template, **values, imports=imported.get(template, "")) for path, template in names.items()
    }
    texts[root / "events.json"] = str(Snapshot())
    texts[root / package / "__init__.py"] = f'"""{sentence(package)}."""\n'
    if layout == "layered":
        texts |= {root / package / one / "__init__.py": f'"""{one.capitalize()}."""\n' for one in _LAYERS}
    write(root, texts)
    for path in sorted(texts):
        click.echo(path.relative_to(folder).as_posix())
    click.echo(f"it runs: cd {name} && twofold run {package}.app")
