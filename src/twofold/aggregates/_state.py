"""The state of an aggregate as JSON: what its class annotates, and what it is called as a whole."""

import hashlib
import json
from types import GenericAlias
from typing import Any, ClassVar, Final, cast, get_origin, get_type_hints
from weakref import WeakKeyDictionary

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError
from typing_extensions import TypedDict

from twofold.aggregates._aggregate import Aggregate
from twofold.errors import WiringError
from twofold.messages import PLAIN


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
            made: Any = _made("State", self._fields, total=False)
            made.__pydantic_config__ = PLAIN
            self.json_schema = TypeAdapter[Any](made).json_schema()
            # In a list, since pydantic writes a TypedDict by the settings of what it is in, and reads it by its own.
            listed: Any = GenericAlias(list, (made,))
            self._adapter = TypeAdapter[Any](listed, config=PLAIN)
        except (NameError, TypeError, PydanticUserError) as error:
            text = str(error).splitlines()[0]
            raise WiringError(f"the state of {self._name} has no form in JSON: {text}") from None
        said = json.dumps(self.json_schema, sort_keys=True).encode()
        self.schema = f"{self._name}/{kind.snapshot_version}/{hashlib.sha256(said).hexdigest()[:16]}"
        """What it is written as: the class, the version that it says, and its fields with their types."""
        self.refused = False
        """Whether a state could not be written."""

    def write(self, aggregate: Aggregate) -> bytes:
        """The state of an aggregate.

        Raises:
            WiringError: It has an attribute that its class does not annotate, a value that is not as annotated, or one
                that would come back as another.
        """
        state = {name: value for name, value in vars(aggregate).items() if name not in _OWN}
        if unknown := ", ".join(sorted(state.keys() - self._fields.keys())):
            raise WiringError(f"{self._name} has a snapshot, and no annotation of {unknown}")
        try:
            written = self._adapter.dump_json([state], warnings="error")[1:-1]
        except (ValueError, TypeError, AttributeError) as error:  # pydantic's own are ValueErrors
            raise WiringError(f"the state of {self._name} is not as annotated: {error}") from None
        if self.read(written) != state:
            raise WiringError(f"the state of {self._name} would not come back from JSON as it was")
        return written

    def read(self, state: bytes) -> dict[str, Any] | None:
        """The attributes of an aggregate; None when this is not their form."""
        try:
            [read] = self._adapter.validate_json(b"[%b]" % state)
        except ValidationError:
            return None
        return cast("dict[str, Any]", read)


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
