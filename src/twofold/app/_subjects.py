"""Whether a text can be the id of a subject: erasing cannot be undone, and one letter may be wrong in what is typed."""

from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from twofold.messages import Catalogue


def misread(catalogue: Catalogue, kind: str, name: str) -> str | None:
    """Why a text is the id of no subject of a kind, by the fields that say who one is; None when it may be one.

    Args:
        catalogue: The messages.
        kind: What the subject is.
        name: What is said to be its id.
    """
    reasons = [
        _misread(get_type_hints(one.cls, include_extras=True)[field.subject], name)
        for one in catalogue
        for field in one.personal_fields
        if field.kind == kind and field.subject is not None
    ]
    return None if None in reasons else next(iter(reasons), None)


def _misread(hint: Any, name: str) -> str | None:
    try:
        value = TypeAdapter[Any](hint).validate_strings(name)
    except ValidationError as error:
        return "; ".join(one["msg"] for one in error.errors(include_input=False, include_url=False))
    kept = str(to_jsonable_python(value))
    return None if kept == name else f"it is kept as {kept!r}"
