"""What is said of commands that may come twice: under which key, how long a reply is kept, what a twin is told."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias, cast

from twofold.errors import WiringError

Key: TypeAlias = Callable[[Any], object] | tuple[str, ...] | None
"""What makes the key of a command: a function of it, or the names of its fields; None for what its sender says."""

REQUIRED: Final = "required"
_DAY: Final = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """How commands with a key are handled: once, and with the same answer each time.

    Raises:
        WiringError: A setting is out of its range.

    Example:
        >>> Idempotency(key=("customer_id", "reference"), keep=7 * 24 * 3600.0)
        Idempotency(...)
    """

    key: Key = None
    """The fields, or the function of a command, that the key is made of; a function's None is no key. Unless given, the
    sender says it: `app.caller(idempotency_key=...)`, or the header `Idempotency-Key`."""
    required: bool = False
    """Whether a command without a key is refused."""
    keep: float = _DAY
    """How long a reply is kept, in seconds; then the key is as good as new."""
    twin: Literal["wait", "refuse"] = "wait"
    """What becomes of a command whose twin is being handled: it waits for it, or is refused at once."""
    wait: float = 2.0
    """How long it waits, in seconds; its deadline may be nearer."""

    def __post_init__(self) -> None:
        for name in ("keep", "wait"):
            value: object = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
                raise WiringError(f"Idempotency({name}=) takes seconds, and {value!r} are none")
        if self.twin not in ("wait", "refuse"):
            raise WiringError(f"Idempotency(twin=) is 'wait' or 'refuse', and not {self.twin!r}")
        if self.key is not None and not callable(self.key) and not (self.key and all(map(_is_name, self.key))):
            raise WiringError(f"Idempotency(key=) takes names of fields or a function, and not {self.key!r}")

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that the key is made of; none when it is made in another way."""
        return () if self.key is None or callable(self.key) else self.key

    @classmethod
    def of(cls, said: Any, usual: "Idempotency") -> "Idempotency":
        """The settings that a shorthand means.

        Args:
            said: `"required"`, names of fields, a function of the command, or settings as they are.
            usual: What holds where it says nothing.

        Raises:
            WiringError: It is none of them.
        """
        if isinstance(said, cls):
            return said
        if said == REQUIRED:
            return replace(usual, required=True)
        if callable(said):
            return replace(usual, key=said)
        if isinstance(said, Sequence) and not isinstance(said, str):
            return replace(usual, key=tuple(cast("Sequence[str]", said)))
        raise WiringError(
            f"idempotency= is {REQUIRED!r}, names of fields, a function or Idempotency(), and not {said!r}"
        )


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value)
