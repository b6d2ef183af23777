"""Python as text: imports in order, calls and signatures that need no formatter, and the templates around them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from string import Template
from typing import Final

from twofold.cli.new._fields import Import

WIDTH: Final = 120
_SHORT: Final = 80  # leaves room for what stands before a call
_STANDARD: Final = ("dataclasses", "datetime", "decimal", "logging", "pathlib", "typing", "uuid", "collections.abc")


def imports(needed: Iterable[Import], package: str) -> str:
    """Import statements, in the order that ruff wants: standard library, others, the project's own.

    Args:
        needed: Python modules and names; a module with an empty name is imported as it is.
        package: The project's own package.
    """
    names = defaultdict[str, set[str]](set)
    for module, name in needed:
        names[module].add(name)
    groups: list[list[str]] = [[], [], []]
    for module in sorted(names, key=lambda module: (bool(names[module] - {""}), module)):
        own = module.split(".")[0] == package
        groups[2 if own else 0 if module in _STANDARD else 1].append(_statement(module, names[module]))
    return "\n\n".join("\n".join(group) for group in groups if group)


def _statement(module: str, names: set[str]) -> str:
    if not names - {""}:
        return f"import {module}"
    ordered = sorted(names - {""}, key=lambda name: (not name.isupper(), name[0].islower(), name))
    line = f"from {module} import {', '.join(ordered)}"
    return line if len(line) <= WIDTH else exploded(f"from {module} import (", ordered)


def call(head: str, arguments: Sequence[str], indent: int = 0) -> str:
    """A call, which stays as it is when it is formatted: in one line where that is short, else an argument in each.

    Args:
        head: What is called.
        arguments: What with.
        indent: How far the line is indented that it begins in.
    """
    line = f"{head}({', '.join(arguments)})"
    return line if indent + len(line) <= _SHORT and "\n" not in line else exploded(f"{head}(", arguments, indent)


def exploded(head: str, parts: Sequence[str], indent: int = 0) -> str:
    """What is in parentheses, each part in a line of its own."""
    space = " " * indent
    return f"{head}\n" + "".join(f"{space}    {part},\n" for part in parts) + f"{space})"


def mapping(name: str, values: Mapping[str, str]) -> str:
    """A constant that holds what is sent."""
    pairs = [f'"{key}": {value}' for key, value in values.items()]
    hint = "dict[str, str | int | float | bool]"
    line = f"{name}: {hint} = {{{', '.join(pairs)}}}"
    if len(line) <= WIDTH:
        return line
    return f"{name}: {hint} = {{\n" + "".join(f"    {pair},\n" for pair in pairs) + "}"


def signature(head: str, parameters: Sequence[str], answer: str, indent: int = 0) -> str:
    """The first lines of a function, as a formatter would have them."""
    inside, space = ", ".join(parameters), " " * indent
    line = f"{head}({inside}) -> {answer}:"
    if indent + len(line) <= WIDTH:
        return line
    if indent + 4 + len(inside) <= WIDTH:
        return f"{head}(\n{space}    {inside}\n{space}) -> {answer}:"
    return f"{exploded(f'{head}(', parameters, indent)} -> {answer}:"


def filled(template: str, **values: str) -> str:
    """A template of this room with its blanks filled; every blank has to be.

    Args:
        template: The name of its file.
        values: What stands in the blanks.
    """
    text = (files("twofold.cli.new") / "templates" / template).read_text(encoding="utf-8")
    return Template(text).substitute(values)
