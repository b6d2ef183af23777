"""Selections as SQL. Values are parameters; nothing but the shape of a selection gets into the text."""

from collections.abc import Iterable
from typing import Any, Final

from twofold.store import Selection


def any_of(selections: Iterable[Selection], first: int) -> tuple[str, list[Any]]:
    """A condition on `twofold_events` that holds for what any of the selections means, with its values.

    Args:
        selections: At least one.
        first: The number of its first parameter; 1 and 2 are the positions between which is read.
    """
    values: list[Any] = []
    found = list(selections)
    clauses = [_clause(selection, values, first) for selection in found]
    condition = f"({' OR '.join(clauses)})"
    if len(found) > 1 and all(one.tags for one in found):
        # The planner would try an OR of several on every event; an array that is known before makes it use the index.
        values.append(sorted({min(one.tags) for one in found}))
        condition = f"position = ANY (ARRAY({_TAGGED} = ANY (${first + len(values) - 1}))) AND {condition}"
    return condition, values


def _clause(selection: Selection, values: list[Any], first: int) -> str:
    def value(given: Any) -> str:
        values.append(given)
        return f"${first + len(values) - 1}"

    parts: list[str] = []
    if selection.types is not None:
        parts.append(f"type = ANY ({value(sorted(selection.types))})")
    parts += [f"position IN ({_TAGGED} = {value(tag)})" for tag in sorted(selection.tags)]
    if selection.stream is not None and selection.stream.endswith("*"):
        parts.append(f"starts_with(stream, {value(selection.stream[:-1])})")
    elif selection.stream is not None:
        parts.append(f"stream = {value(selection.stream)}")
    if selection.part is not None:
        index, count = selection.part
        parts.append(f"{{schema}}.twofold_part(stream, {value(count)}) = {value(index)}")
    return f"({' AND '.join(parts) or 'TRUE'})"


_TAGGED: Final = "SELECT position FROM {schema}.twofold_tags WHERE position > $1 AND position <= $2 AND tag"
