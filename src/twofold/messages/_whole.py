"""Values as JSON that has all of them: secrets as they are, and what is left out or written in another way.

It is what digests are made of, and is never written anywhere itself. What is shown in full is as its codec writes it.
"""

import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields, is_dataclass
from typing import Any, Final, cast

from pydantic import BaseModel, RootModel
from pydantic_core import to_jsonable_python

canonical: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
"""JSON values as one text, whatever the order of their members."""

_SCALARS: Final = (str, int, float, bool, type(None))


def bare(value: object) -> Any:
    """All of a value that has no codec of its own, as JSON values."""
    return whole(_jsonable(value), value)


def whole(plain: Any, value: object) -> Any:
    """All of a value, as JSON values.

    Args:
        plain: The value as its codec writes it. Where that is not what the value is, both are there.
        value: The value. A model or a dataclass gives an object with a member for each of its fields.
    """
    if isinstance(value, _SCALARS):
        return plain if plain.__class__ in _SCALARS and plain == value else [plain, _jsonable(value)]
    if hasattr(value, "get_secret_value"):
        hidden: object = cast("Any", value).get_secret_value()
        return repr(hidden) if isinstance(hidden, str | bytes) else [plain, bare(hidden)]
    if isinstance(value, RootModel):
        return whole(plain, cast("Any", value).root)
    parts = parts_of(value)
    if parts is not None:
        written: dict[str, Any] = plain if plain.__class__ is dict else {"": plain}
        told = {name: whole(written[name], one) if name in written else bare(one) for name, one in parts.items()}
        return {**written, **told}
    if isinstance(value, Mapping):
        return _mapping(plain, cast("Mapping[object, object]", value))
    if _has_elements(value):
        return _elements(plain, cast("AbstractSet[object] | Sequence[object]", value))
    shown = _jsonable(value)
    return plain if plain == shown else [plain, shown]


def parts_of(value: object) -> dict[str, Any] | None:
    """The fields of a model or a dataclass, by name; None for anything else."""
    if isinstance(value, BaseModel):
        own = {name: one for name, one in value.__dict__.items() if name in type(value).model_fields}
        return {**own, **(value.model_extra or {})}
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name) for one in fields(value)}
    return None


def _has_elements(value: object) -> bool:
    return isinstance(value, AbstractSet | Sequence) and not isinstance(value, bytes | bytearray | memoryview)


def _mapping(plain: Any, value: Mapping[object, object]) -> Any:
    if plain.__class__ is dict and [str(bare(name)) for name in value] == list(plain):
        return {name: whole(plain[name], one) for name, one in zip(plain, value.values(), strict=True)}
    return [plain, sorted(([bare(name), bare(one)] for name, one in value.items()), key=canonical)]


def _elements(plain: Any, value: AbstractSet[object] | Sequence[object]) -> Any:
    fits = plain.__class__ is list and len(plain) == len(value)
    told = list(map(whole, plain, value)) if fits else [[plain], *map(bare, value)]
    # The order of a set is another one in each process.
    return sorted(told, key=canonical) if isinstance(value, AbstractSet) else told


def _jsonable(value: object) -> Any:
    return to_jsonable_python(value, bytes_mode="base64", inf_nan_mode="strings", fallback=_state)


def _state(value: object) -> Any:
    """What a value is made of that is no data to pydantic."""
    state: object = value.__getstate__()
    return [type(value).__qualname__, repr(value) if state is None else bare(state)]
