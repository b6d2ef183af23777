"""Selections as SQL. Values are parameters; nothing but the shape of a selection gets into the text."""

from collections.abc import Iterable
from typing import Any

from twofold.store import Selection


def any_of(selections: Iterable[Selection]) -> tuple[str, list[Any]]:
    """A condition on `twofold_events` that holds for what any of the selections means, with its values.

    Args:
        selections: At least one.
    """
    clauses: list[str] = []
    values: list[Any] = []
    for selection in selections:
        clause, more = _clause(selection)
        clauses.append(clause)
        values += more
    return f"({' OR '.join(clauses)})", values


def _clause(selection: Selection) -> tuple[str, list[Any]]:
    parts: list[str] = []
    values: list[Any] = []
    if selection.types is not None:
        parts.append(f"type IN ({', '.join('?' * len(selection.types))})")
        values += sorted(selection.types)
    for tag in sorted(selection.tags):
        parts.append("position IN (SELECT position FROM twofold_tags WHERE tag = ?)")
        values.append(tag)
    if selection.stream is not None and selection.stream.endswith("*"):
        parts.append("substr(stream, 1, ?) = ?")
        values += (len(selection.stream) - 1, selection.stream[:-1])
    elif selection.stream is not None:
        parts.append("stream = ?")
        values.append(selection.stream)
    if selection.part is not None:
        index, count = selection.part
        parts.append("twofold_part(stream, ?) = ?")
        values += (count, index)
    return f"({' AND '.join(parts) or 'TRUE'})", values
