"""Where new files belong: the project that one stands in, its layout and its features; read as text, never imported."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, cast, get_args

from twofold.cli.new._files import AlreadyThere
from twofold.cli.new._known import Known, NotInProject
from twofold.cli.new._words import plural, singular

Layout: TypeAlias = Literal["flat", "layered"]
Layer: TypeAlias = Literal["domain", "application", "infrastructure"]


@dataclass(frozen=True, slots=True)
class Project:
    """A project, as its `pyproject.toml` and its files tell it.

    Args:
        root: Its folder.
        package: Its package.
        layout: `flat`: a folder for each feature; `layered`: domain, application and infrastructure, and in each of
            them a folder for each feature.
    """

    root: Path
    package: str
    layout: Layout
    _texts: dict[Path, str] = field(default_factory=dict[Path, str])

    @classmethod
    def around(cls, folder: Path) -> "Project":
        """The project that a folder is in.

        Raises:
            NotInProject: There is none above it.
        """
        for root in (folder, *folder.parents):
            file = root / "pyproject.toml"
            if not file.is_file():
                continue
            try:
                said: Mapping[str, object] = tomllib.loads(file.read_text(encoding="utf-8"))["tool"]["twofold"]
            except KeyError:
                continue
            except tomllib.TOMLDecodeError as error:
                raise NotInProject(f"{file} cannot be read: {error}", hint="mend it first") from error
            if "package" in said:
                return cls._said(root, said)
        hint = 'go into one, make one with `twofold new project`, or tell of yours: [tool.twofold] package = "shop"'
        raise NotInProject("there is no project here: no pyproject.toml above has [tool.twofold] package", hint=hint)

    @classmethod
    def _said(cls, root: Path, said: Mapping[str, object]) -> "Project":
        package, layout = str(said["package"]), said.get("layout", "flat")
        if layout not in get_args(Layout):
            raise NotInProject(f"{root / 'pyproject.toml'} has layout = {layout!r}", hint="it is flat or layered")
        if not package.isidentifier() or not (root / package).is_dir():
            raise NotInProject(
                f"there is no package {package!r} in {root}", hint="see [tool.twofold] in pyproject.toml"
            )
        return cls(root, package, cast("Layout", layout))

    @property
    def texts(self) -> Mapping[Path, str]:
        """All Python files of the package."""
        if not self._texts:
            for path in sorted((self.root / self.package).rglob("*.py")):
                self._texts[path] = path.read_text(encoding="utf-8", errors="replace")
        return self._texts

    def known(self) -> dict[str, Known]:
        """All classes of the package, by name."""
        found: dict[str, Known] = {}
        for path, text in self.texts.items():
            module = ".".join(path.relative_to(self.root).with_suffix("").parts).removesuffix(".__init__")
            for name in re.findall(r"^class (\w+)", text, re.MULTILINE):
                found[name] = Known(name, module, path)
        return found

    def layer(self, layer: Layer) -> str:
        """The package of a layer; the project's own where there are none."""
        return self.package if self.layout == "flat" else f"{self.package}.{layer}"

    def folder(self, package: str) -> Path:
        """The folder of a package."""
        return self.root.joinpath(*package.split("."))

    def features(self) -> list[str]:
        """The features that there are."""
        layers = {self.folder(self.layer(one)) for one in get_args(Layer)}
        return sorted({file.parent.name for one in layers for file in one.glob("*/__init__.py")})

    def feature_of(self, known: Known) -> str:
        """The feature that a class belongs to."""
        return known.path.parent.name

    def feature_for(self, words: Sequence[str]) -> tuple[str, str]:
        """The feature that some words are about, and what a thing of it is called: `orders`, `order`.

        The longest part of the words that is a feature already, or else all of them.
        """
        features = self.features()
        for length in range(len(words), 0, -1):
            for start in range(len(words) - length + 1):
                part = words[start : start + length]
                for feature in ("_".join((*part[:-1], plural(part[-1]))), "_".join(part)):
                    if feature in features:
                        return feature, "_".join((*part[:-1], singular(part[-1])))
        return "_".join((*words[:-1], plural(words[-1]))), "_".join((*words[:-1], singular(words[-1])))

    def offers(self, path: str) -> bool:
        """Whether something says that it is offered at a path."""
        shape = re.sub(r"\{\w+", "{", path)
        paths = (one for text in self.texts.values() for one in re.findall(r'path="([^"]*)"', text))
        return any(re.sub(r"\{\w+", "{", one) == shape for one in paths)

    def refuse_known(self, names: Sequence[str]) -> None:
        """See that no class has one of these names: messages are known by theirs in the whole application.

        Raises:
            AlreadyThere: One has.
        """
        known = self.known()
        there = [(known[name].path.relative_to(self.root).as_posix(), name) for name in names if name in known]
        if there:
            text = ", ".join(f"{path} has a class {name}" for path, name in there)
            raise AlreadyThere(text, hint="choose another name; nothing was written")
