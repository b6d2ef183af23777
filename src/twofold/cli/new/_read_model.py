"""The read models of a project as its files tell them: a class `OrderListRow`, beside the `OrderList` that fills it."""

import ast
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from twofold.cli.new._fields import TYPES, Field
from twofold.cli.new._known import Known, NotInProject
from twofold.cli.new._place import Project


class ReadModel(NamedTuple):
    """A projection with one table.

    Args:
        name: The class of the projection.
        feature: The feature that it belongs to.
        row: The class of the table.
        columns: The columns, the key first.
        event: The first event that it follows.
    """

    name: str
    feature: str
    row: Known
    columns: Sequence[Field]
    event: Known

    @property
    def key(self) -> Field:
        """Its primary key."""
        return self.columns[0]


def read_models(project: Project) -> Iterator[ReadModel]:
    """All that can be told without importing anything: of one key, with an event that gives every column."""
    known = project.known()
    for row in known.values():
        projection = known.get(row.name.removesuffix("Row"))
        if not row.name.endswith("Row") or projection is None or projection.path != row.path:
            continue
        text = project.texts[row.path]
        names = re.findall(r"\(self, event: (\w+), rows: Rows\)", text)
        columns = _columns(text, row.name)
        if columns and names and set(columns) <= _told(known.get(names[0])):
            yield ReadModel(projection.name, project.feature_of(row), row, columns, known[names[0]])


def _told(event: Known | None) -> set[Field]:
    """The fields of an event that a test can make; none of one that it cannot."""
    try:
        return set(event.fields()) if event is not None else set()
    except NotInProject:
        return set()


def _columns(text: str, row: str) -> list[Field]:
    """The columns of a table; none when one of them is of a type that is not known here, or the key is of several."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return []  # a file that is being written is no read model yet
    lines = [
        one
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == row
        for one in node.body
        if isinstance(one, ast.AnnAssign)
    ]
    found = {ast.unparse(one.target): (ast.unparse(one.annotation), one.value is not None) for one in lines}
    types = {name: re.fullmatch(r"Mapped\[(\w+)\]", hint) for name, (hint, _) in found.items()}
    fields = {name: Field(name, match[1]) for name, match in types.items() if match and match[1] in TYPES}
    keys = [name for name, (_, valued) in found.items() if valued]
    if len(fields) != len(found) or len(keys) != 1:
        return []
    return [fields[keys[0]], *(one for name, one in fields.items() if name != keys[0])]
