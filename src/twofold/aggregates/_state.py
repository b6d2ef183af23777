"""The state of an aggregate as JSON: what its class annotates, and what it is called as a whole."""

import hashlib
import json
from typing import Any, ClassVar, Final, cast, get_origin, get_type_hints
from weakref import WeakKeyDictionary

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from typing_extensions import TypedDict

from twofold.aggregates._aggregate import Aggregate
from twofold.errors import WiringError


class StateCodec:
    """Writes and reads the state of the aggregates of one class.

    Args:
        kind: The class.

    Raises:
        WiringError: Its state has no form in JSON.
    """

    def __init__(self, kind: type[Aggregate]) -> None:
        self._name = kind.__qualname__
        try:
            hints = get_type_hints(kind, include_extras=True)
            self._fields = {name: hint for name, hint in hints.items() if _is_state(name, hint)}
            self._adapter = adapter = TypeAdapter[Any](_made("State", self._fields, total=False))
            self.json_schema = adapter.json_schema()
        except (NameError, TypeError, PydanticUserError) as error:
            text = str(error).splitlines()[0]
            raise WiringError(f"the state of {self._name} has no form in JSON: {text}") from None
        said = json.dumps(self.json_schema, sort_keys=True).encode()
        self.schema = f"{self._name}/{kind.snapshot_version}/{hashlib.sha256(said).hexdigest()[:16]}"
        """What it is written as: the class, the version that it says, and its fields with their types."""

    def write(self, aggregate: Aggregate) -> bytes:
        """The state of an aggregate.

        Raises:
            WiringError: It has an attribute that its class does not annotate, or a value that is not as annotated.
        """
        state = {name: value for name, value in vars(aggregate).items() if name not in _OWN}
        if unknown := ", ".join(sorted(state.keys() - self._fields.keys())):
            raise WiringError(f"{self._name} has a snapshot, and no annotation of {unknown}")
        try:
            return self._adapter.dump_json(state, warnings="error")
        except (ValueError, TypeError, AttributeError) as error:  # pydantic's own are ValueErrors
            raise WiringError(f"the state of {self._name} is not as annotated: {error}") from None

    def read(self, state: bytes) -> dict[str, Any] | None:
        """The attributes of an aggregate; None when this is not their form."""
        try:
            return cast("dict[str, Any]", self._adapter.validate_json(state))
        except ValidationError:
            return None


def state_codec(kind: type[Aggregate]) -> StateCodec:
    """The codec of a class of aggregates, made once.

    Raises:
        WiringError: Their state has no form in JSON.
    """
    known = _codecs.get(kind)
    if known is None:
        known = _codecs[kind] = StateCodec(kind)
    return known


def _is_state(name: str, hint: Any) -> bool:
    return name not in _OWN and get_origin(hint) is not ClassVar and hint is not ClassVar


_made: Final[Any] = TypedDict  # one whose fields are known when it runs
_OWN: Final = frozenset({"_recorded", *Aggregate.__annotations__})
_codecs: Final = WeakKeyDictionary[type[Aggregate], StateCodec]()
