"""What a generator makes: files by layer and feature, from templates; all looked at before anything is written."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import rich_click as click

from twofold.cli.new._fields import Import
from twofold.cli.new._files import write
from twofold.cli.new._known import NotInProject
from twofold.cli.new._place import Layer, Project
from twofold.cli.new._source import filled, imports
from twofold.cli.new._words import sentence


@dataclass(slots=True)
class Sheets:
    """New files of a feature.

    Args:
        project: The project.
        feature: The feature.
    """

    project: Project
    feature: str
    texts: dict[Path, str] = field(default_factory=dict[Path, str])
    classes: list[str] = field(default_factory=list[str])

    @property
    def app(self) -> Import:
        """The application."""
        return f"{self.project.package}.app", "app"

    def module(self, layer: Layer) -> Import:
        """What the files of a layer declare things by."""
        return self.home(layer), "module"

    def home(self, layer: Layer) -> str:
        """The package of the feature in a layer; it has a `module`, and is made if it is missing.

        Raises:
            NotInProject: It is there, and has none.
        """
        package = f"{self.project.layer(layer)}.{self.feature}"
        name = self.feature if self.project.layout == "flat" else f"{self.feature}.{layer}"
        text = filled("feature.py.txt", sentence=sentence(self.feature), name=name)
        self._package(package, text)
        path = self.project.folder(package) / "__init__.py"
        if path.exists() and "\nmodule = " not in path.read_text(encoding="utf-8"):
            hint = f'put it there: module = Module("{name}")'
            raise NotInProject(f"{path.relative_to(self.project.root)} has no `module`", hint=hint)
        return package

    def _package(self, package: str, text: str) -> None:
        """Have a package and those that it is in, where they are missing."""
        parent = package.rpartition(".")[0]
        if parent:
            self._package(parent, f'"""{sentence(parent.rpartition(".")[2])}."""\n')
        path = self.project.folder(package) / "__init__.py"
        if not path.exists():
            self.texts.setdefault(path, text)

    def add(
        self, layer: Layer, file: str, template: str, needed: Iterable[Import], *classes: str, **values: str
    ) -> str:
        """Make a Python module of a layer.

        Args:
            layer: The layer.
            file: What the module is called.
            template: The template.
            needed: What it imports.
            classes: Those that it defines.
            values: What stands in the blanks.

        Returns:
            Its full name.

        Raises:
            UsageError: A class of one of the names is made already.
        """
        home = self.home(layer)
        if repeated := [*filter(self.classes.__contains__, classes)]:
            raise click.UsageError(f"{repeated[0]} would be two things: choose another name")
        self.classes.extend(classes)
        path = self.project.folder(home) / f"{file}.py"
        self.texts[path] = filled(template, imports=imports(needed, self.project.package), **values)
        return f"{home}.{file}"

    def test(self, file: str, template: str, needed: Iterable[Import], **values: str) -> None:
        """Make a test; parameters as in `add`."""
        path = self.project.root / "tests" / self.feature / f"test_{file}.py"
        self.texts[path] = filled(template, imports=imports(needed, self.project.package), **values)

    def write(self) -> None:
        """Write all of it, and say so.

        Raises:
            AlreadyThere: A file or a class of one of the names is there; nothing is written.
        """
        self.project.refuse_known(self.classes)
        write(self.project.root, self.texts)
        for path in self.texts:
            click.echo(path.relative_to(self.project.root).as_posix())
