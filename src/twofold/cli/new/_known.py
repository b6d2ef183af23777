"""What a project has already, as its files tell it: classes, and the fields of those whose values a test can make."""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from twofold.cli.new._fields import TYPES, Field
from twofold.errors import Hinted, WiringError


class NotInProject(Hinted, WiringError):
    """No project of twofold is here, or it does not say what it has to.

    Args:
        text: What is missing.
        hint: What to do about it.
    """

    code: ClassVar[str] = "not_in_project"


@dataclass(frozen=True, slots=True)
class Known:
    """A class that the project has.

    Args:
        name: What it is called.
        module: The Python module that it is in.
        path: The file.
    """

    name: str
    module: str
    path: Path

    def fields(self) -> tuple[Field, ...]:
        """Its own fields, but for those that have a value already and a type that is not known here.

        Raises:
            NotInProject: Its file is no Python, or no value is known for a field.
        """
        try:
            tree = ast.parse(self.path.read_text(encoding="utf-8", errors="replace"))
        except SyntaxError as error:
            raise NotInProject(f"{self.path} cannot be read: {error}", hint="mend it first") from error
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.name == self.name:
                lines = [one for one in node.body if isinstance(one, ast.AnnAssign)]
                return tuple(Field(*one) for one in map(self._field, lines) if one is not None)
        return ()

    def _field(self, line: ast.AnnAssign) -> tuple[str, str] | None:
        name, hint = ast.unparse(line.target), ast.unparse(line.annotation)
        if hint not in TYPES and line.value is None:
            text = f"{self.name} has a field {name}: {hint}, and no value of it is known"
            raise NotInProject(text, hint=f"write it by hand: fields of {', '.join(TYPES)} can be followed")
        return (name, hint) if hint in TYPES else None
