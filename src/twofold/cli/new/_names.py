"""Names as they are typed: for classes, features and projects; what cannot be one is refused before all else."""

import keyword
import re
import sys
from typing import Final

import rich_click as click

import twofold
from twofold.cli.new._fields import LONGEST, TYPES
from twofold.cli.new._place import Project
from twofold.cli.new._words import words_of
from twofold.errors import snake_case

_NAME: Final = re.compile(r"[A-Z][A-Za-z0-9]*")


def checked_name(name: str, example: str) -> str:
    """A name for a class, as it was typed.

    Args:
        name: What was typed.
        example: What a good one looks like.

    Raises:
        UsageError: It is none.
    """
    if _NAME.fullmatch(name) is None or keyword.iskeyword(snake_case(name)):
        raise click.UsageError(f"{name!r} is no name: {example} is one")
    if len(name) > LONGEST:
        raise click.UsageError(f"{name!r} is longer than {LONGEST} letters")
    if name in twofold.__all__ or name in (*TYPES, "Protocol", "Secret", "Annotated", "ReadSession"):
        raise click.UsageError(f"{name!r} is a name of Python's or twofold's: choose another one, as {example}")
    return name


def checked_feature(project: Project, feature: str) -> str:
    """A name for a feature, given or inferred.

    Raises:
        UsageError: It is none.
    """
    if (
        not feature.isidentifier()
        or keyword.iskeyword(feature)
        or feature != feature.lower()
        or len(feature) > LONGEST + 5
    ):
        raise click.UsageError(f"{feature!r} is no name for a feature: --feature orders gives one")
    if (project.root / project.package / f"{feature}.py").exists():
        raise click.UsageError(f"{project.package}/{feature}.py is no feature: --feature gives another one")
    return feature


def checked_package(name: str) -> str:
    """The package of a new project, by the name that was typed.

    Raises:
        UsageError: It is none.
    """
    package = name.replace("-", "_")
    if re.fullmatch(r"[a-z][a-z0-9_]*", package) is None or keyword.iskeyword(package) or len(package) > LONGEST:
        raise click.UsageError(f"{name!r} is no name for a project: shop or web-shop is one")
    if package in sys.stdlib_module_names or package in ("twofold", "tests", "test", "examples"):
        raise click.UsageError(f"{package!r} is a package already: choose another name, as {words_of(name)[0]}-app")
    return package
