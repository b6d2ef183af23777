"""What makes two commands the same: a key within what it belongs to, and the fingerprint of a command.

Only digests are kept. A key belongs to a tenant, a user and a message type: nobody is ever given somebody else's reply.
"""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, ClassVar, Final, final

from pydantic_core import to_json, to_jsonable_python

from twofold.dispatch import Idempotency
from twofold.errors import Hinted, Invalid
from twofold.messages import Context, MessageType, canonical, whole

LONGEST_KEY: Final = 255
_BYTES: Final = 32
_GIVEN: Final = (
    "give it one of your own, and the same one when you send it again: app.caller(idempotency_key=...), "
    "the header Idempotency-Key, or --key in a shell"
)


class KeyMissing(Hinted, Invalid):
    """A command came without the idempotency key that it needs."""

    code: ClassVar[str] = Invalid.code


class Answered(Exception):
    """Another command with the key was answered meanwhile: what this one is answered with can be looked up."""


@dataclass(slots=True)
class Keyed:
    """A command with its key, on its way to its handler.

    Args:
        key: The digest of the key with what it belongs to.
        fingerprint: The digest of the command.
        until: The moment of the monotonic clock until which a twin is waited for.
        replayed: Whether it was given the answer of another one, though it was on its way.
    """

    key: bytes
    fingerprint: bytes
    until: float
    replayed: bool = False

    def patience(self, context: Context) -> float:
        """How long a twin is waited for from now on, in seconds."""
        return max(0.0, self.until - context.clock.monotonic())


keyed: Final[ContextVar[Keyed | None]] = ContextVar("twofold_keyed", default=None)
"""The command with a key that this task is on its way to handle."""


@final
class Keys:
    """Reads the keys of one command's messages.

    Args:
        entry: The type of the command.
        settings: What is said of it.
    """

    __slots__ = ("_entry", "_fields", "_given_by_context", "_make", "_settings", "required")

    def __init__(self, entry: MessageType[Any], settings: Idempotency) -> None:
        self._entry = entry
        self._settings = settings
        self._given_by_context = frozenset(entry.context_fields)
        self._make: Callable[[Any], object] | None = settings.key if callable(settings.key) else None
        self._fields = settings.fields
        self.required = settings.required

    def of(self, message: Any, context: Context) -> Keyed | None:
        """A command with its key; None when it has none.

        Raises:
            KeyMissing: It has none and needs one.
            Invalid: Its key has a wrong length.
        """
        told: dict[str, Any] = whole(self._entry.adapter.serializer.to_python(message, mode="json"), message)
        said = self._said(message, told, context)
        if said is None:
            if self.required:
                hint = _GIVEN if self._make is None else "what makes its key of it has made none"
                raise KeyMissing(f"{self._entry.name} needs an idempotency key", hint=hint)
            return None
        digest = _digest([self._entry.name, context.tenant, context.user_id, *said])
        for field in self._given_by_context:
            del told[field]
        settings = self._settings
        until = context.clock.monotonic() + (settings.wait if settings.twin == "wait" else 0.0)
        if context.deadline is not None:
            until = min(until, context.deadline)
        # Keyed by what the store does not have, so that nobody who reads it can try commands against it.
        return Keyed(digest, _digest(told, secret=canonical(said).encode()), until)

    def _said(self, message: Any, told: dict[str, Any], context: Context) -> Sequence[Any] | None:
        """The key, with where it comes from."""
        if self._make is not None:
            made = self._make(message)
            return None if made is None else ("function", to_json(whole(to_jsonable_python(made), made)).decode())
        if self._fields:
            return "fields", *(told[field] for field in self._fields)
        key = context.origin.idempotency_key
        if key is not None and not 0 < len(key) <= LONGEST_KEY:
            raise Invalid(f"an idempotency key has 1 to {LONGEST_KEY} characters")
        return None if key is None else ("sender", key)


def _digest(value: object, *, secret: bytes = b"") -> bytes:
    key = blake2b(secret).digest() if secret else b""
    return blake2b(canonical(value).encode(), digest_size=_BYTES, key=key).digest()
