"""Messages as JSON, with their personal fields encrypted, and read again."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, cast, final
from uuid import UUID

from pydantic_core import from_json, to_json

from twofold.errors import WiringError
from twofold.messages import ERASED, SEALED, Catalogue, MessageType, is_erased, sealed_text
from twofold.personal._keys import Key, SubjectGone
from twofold.personal._vault import Vault, decrypt, encrypt, key_in, together

Place: TypeAlias = tuple[str, ...]
"""Where something is kept: what kind of place, and what tells it from all others of this kind."""

_MARK: Final = f'"{SEALED}"'.encode()


class Document(NamedTuple):
    """A message as it is kept.

    Args:
        data: JSON.
        place: Where.
    """

    data: bytes
    place: Place


@final
class Documents:
    """Encrypts and decrypts messages.

    Args:
        catalogue: Says which fields are personal.
        vault: Has the keys.
    """

    __slots__ = ("_catalogue", "vault")

    def __init__(self, catalogue: Catalogue, vault: Vault) -> None:
        self._catalogue = catalogue
        self.vault = vault

    def is_personal(self, name: str) -> bool:
        """Whether messages with a wire name have personal fields today."""
        return bool(self._catalogue.version_of(name) and self._catalogue.named(name).personal_fields)

    async def seal(self, name: str, document: Document, *, strict: bool) -> bytes:
        """A message with its personal fields encrypted.

        Args:
            name: Its wire name.
            document: What it is.
            strict: Whether data of a subject that is erased is refused, and not left out.

        Raises:
            SubjectGone: Data of an erased subject is refused.
            WiringError: A field is not where its name says, or its subject is not known.
        """
        if not self.is_personal(name):
            return document.data
        kind, body = self._catalogue.named(name), from_json(document.data)
        if not isinstance(body, dict):  # nothing was kept of it
            return document.data
        members = cast("dict[str, Any]", body)
        for field in kind.personal_fields:
            value = _member(members, field.name, kind)
            if is_erased(value):
                continue
            subject = f"{field.kind}:{_member(members, field.subject or '', kind)}"
            key = await self.vault.key_of(subject)
            if key.secret is not None:
                text = encrypt(to_json(value), key, _bytes(document.place, field.name))
                members[field.name] = {SEALED: text}
            elif strict:
                raise SubjectGone(subject)
            else:
                members[field.name] = {ERASED: True}
        return to_json(members)

    async def open(self, documents: Sequence[Document]) -> list[bytes]:
        """Messages with their personal fields decrypted, or marked as erased.

        What was moved or changed stays as it is: then no codec takes it.

        Raises:
            KeyUnknown: One is encrypted under a key that was never kept.
            StoreUnavailable: The keys cannot be read now.
        """
        bodies = {at: from_json(one.data) for at, one in enumerate(documents) if _MARK in one.data}
        if not bodies:
            return [one.data for one in documents]
        keys = await self.vault.find({key for body in bodies.values() for key in keys_in(body)})
        return [
            to_json(_opened(bodies[at], one.place, keys)) if at in bodies else one.data
            for at, one in enumerate(documents)
        ]

    async def seal_text(self, text: bytes, keys: Iterable[UUID], place: Place) -> str:
        """Any text, encrypted under several keys, so that it goes with each of them; empty when one is destroyed.

        Args:
            text: The text.
            keys: The ids of the keys, at least one.
            place: Where it is kept.
        """
        found = sorted((await self.vault.find({*keys})).values())
        made = together(found)
        if made.secret is None:
            return ""
        ids = ",".join(key.id.hex for key in found)
        return f"{SEALED}:{ids}:{encrypt(text, made, _bytes(place, ''))}"

    async def open_text(self, text: str, place: Place) -> bytes | None:
        """Such a text again; None when a key of it is destroyed, or it is changed."""
        keys = keys_of_text(text)
        if not keys:
            return None
        made = together(sorted((await self.vault.find(keys)).values()))
        return decrypt(text.rpartition(":")[2], made, _bytes(place, ""))

    async def is_gone(self, text: str) -> bool:
        """Whether a key of such a text is destroyed."""
        return any(key.secret is None for key in (await self.vault.find(keys_of_text(text))).values())


def is_sealed(text: str) -> bool:
    """Whether a text is what `seal_text` has made."""
    return text.startswith(f"{SEALED}:")


def keys_of_text(text: str) -> set[UUID]:
    """The ids of the keys that a text is encrypted under; none when it is not, or they cannot be read."""
    if not is_sealed(text):
        return set()
    ids = text.removeprefix(f"{SEALED}:").partition(":")[0]
    try:
        return {UUID(hex=one) for one in ids.split(",")}
    except ValueError:
        return set()


def keys_in(body: object) -> set[UUID]:
    """The ids of the keys that the fields of a message are encrypted under."""
    values = cast("Mapping[str, object]", body).values() if isinstance(body, Mapping) else ()
    texts = (sealed_text(value) for value in values)
    return {key for text in texts if text is not None and (key := key_in(text)) is not None}


def keys_of(data: bytes) -> set[UUID]:
    """The same of a message as it is kept."""
    return keys_in(from_json(data)) if _MARK in data else set()


def _opened(body: Any, place: Place, keys: Mapping[UUID, Key]) -> Any:
    if not isinstance(body, dict):
        return body
    members = cast("dict[str, Any]", body)
    for name, value in members.items():
        text = sealed_text(value)
        key = None if text is None else keys.get(key_in(text) or UUID(int=0))
        if text is None or key is None:
            continue
        if key.secret is None:
            members[name] = {ERASED: True}
        elif (plain := decrypt(text, key, _bytes(place, name))) is not None:
            members[name] = from_json(plain)
    return members


def _member(members: Mapping[str, Any], name: str, kind: MessageType[Any]) -> Any:
    if name not in members:
        raise WiringError(
            f"{kind.cls.__qualname__} is written without {name!r}: what it is called there is not known to be personal"
        )
    return members[name]


def _bytes(place: Place, field: str) -> bytes:
    return to_json([*place, field])
