"""Where the keys of personal data are, and what keeps an application with personal data from starting."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from twofold.app._given_keys import given_keys
from twofold.app._room import open_room
from twofold.app._stores import Stores
from twofold.clock import Clock
from twofold.errors import Fault, WiringError
from twofold.messages import PERSONAL, Catalogue, Kind, MessageType, PersonalField, SubjectErased
from twofold.store import RevealingStore

if TYPE_CHECKING:
    from twofold.personal import KeyStore, PersonalStore

_VARIABLE: Final = "TWOFOLD_KEY_DATABASE"
PERSONAL_KEYS: Final = ("TWOFOLD_PERSONAL_KEY", "TWOFOLD_PERSONAL_KEY_FILE")
"""The variables that give master keys, and the file that has them."""
_POSTGRES: Final = ("postgresql", "postgres")


def key_store_of(key_database: "str | Path | KeyStore | None", databases: Iterable[object]) -> "KeyStore | None":
    """The key store that a setting means; None when nothing is said.

    Args:
        key_database: A key store as it is; a path, `sqlite:///path` or `postgresql://host/database`; `memory:` for one
            that forgets; None for the environment variable `TWOFOLD_KEY_DATABASE`.
        databases: Where everything else is, which no key belongs in.

    Raises:
        WiringError: It is the database of something else, or there is no master key.
        MissingExtraError: The extra `personal` is not installed.
    """
    said = key_database or os.environ.get(_VARIABLE) or None
    if said is None:
        return None
    if any(isinstance(one, str | Path) and _place(one) == _place(said) for one in databases) and said != "memory:":
        raise WiringError("the keys of personal data need a database of their own: whoever has the backup has both")
    personal = open_room("twofold.personal")
    if not isinstance(said, str | Path):
        return said
    if said == "memory:":
        return cast("KeyStore", personal.MemoryKeyStore())
    master = personal.MasterKeys(*given_keys(*PERSONAL_KEYS))
    scheme, separator, _ = str(said).partition("://")
    made: Any
    if separator and scheme in _POSTGRES:
        made = open_room("twofold.personal.postgres").PostgresKeyStore(str(said), master)
    elif separator and scheme != "sqlite":
        raise WiringError(f"no key store is known for an address that starts with {scheme}://")
    else:
        made = open_room("twofold.personal.sqlite").SqliteKeyStore(_place(said), master)
    return cast("KeyStore", made)


def keys_elsewhere(key_database: "str | Path | KeyStore | None") -> "KeyStore | None":
    """Keys that are forgotten, in the place of those that a setting means; None when nothing is said."""
    if not (key_database or os.environ.get(_VARIABLE)):
        return None
    return cast("KeyStore", open_room("twofold.personal").MemoryKeyStore())


def guarded(stores: Stores, keys: "KeyStore | None", catalogue: Catalogue, clock: Clock) -> Stores:
    """The stores, with all personal data encrypted that goes into them; as they are without keys."""
    if keys is None:
        return stores
    personal = open_room("twofold.personal")
    vault = personal.Vault(keys, clock.monotonic)
    write = personal.PersonalStore(stores.write, catalogue, vault)
    read = personal.PersonalStore(stores.read, catalogue, vault, stores.write) if stores.apart else write
    return stores._replace(write=write, read=read)


def keys_of(stores: Stores) -> "KeyStore | None":
    """Where the keys of some stores are; None without a place for them."""
    return cast("PersonalStore", stores.write).vault.store if isinstance(stores.write, RevealingStore) else None


async def prove_keys(stores: Stores) -> None:
    """See that the master keys open what the key database has; one other than they are would go on encrypting.

    Args:
        stores: The stores of an application; open.

    Raises:
        MasterKeyMissing: None of them opens the newest key.
        StoreUnavailable: Nobody can tell now.
    """
    if isinstance(stores.write, RevealingStore):
        await cast("PersonalStore", stores.write).vault.prove()


def field_faults(kind: MessageType[Any], schema: Mapping[str, Any]) -> Iterator[Fault]:
    """Personal fields of a message that would be kept readable, or could not be read once they are erased.

    Args:
        kind: The message.
        schema: Its JSON Schema.
    """
    where, fields = kind.cls.__qualname__, kind.personal_fields
    for field in fields:
        for text, hint in _wrongs(kind, field):
            yield Fault(where=where, code="personal_data", text=text, hint=hint)
    if repr(schema).count(f"'{PERSONAL}'") > len(fields):
        text, hint = "has personal data inside another field, which would be kept readable", "mark the whole field"
        yield Fault(where=where, code="personal_data", text=text, hint=hint)


def personal_faults(catalogue: Catalogue, stores: Stores) -> list[Fault]:
    """Personal data without a place for its keys.

    Args:
        catalogue: The messages of an application; knows `SubjectErased` afterwards when one of them is personal.
        stores: Where it keeps what it has.
    """
    if not any(kind.kind is not Kind.QUERY and _is_personal(kind) for kind in catalogue):
        return []
    catalogue.add(SubjectErased, Kind.EVENT)
    if isinstance(stores.write, RevealingStore):
        return []
    text = "have personal data, and there is no place for the keys that encrypt it"
    hint = f"say App(key_database=...) or set {_VARIABLE}: it is a database of its own, with its own backups"
    return [Fault(where="the application's messages", code="no_key_database", text=text, hint=hint)]


def _is_personal(kind: MessageType[Any]) -> bool:
    try:
        return bool(kind.personal_fields)
    except WiringError:  # told with what cannot be encoded
        return False


def _wrongs(kind: MessageType[Any], field: PersonalField) -> Iterator[tuple[str, str]]:
    if field.subject is None:
        yield (
            f"has personal data in {field.name!r}, and no field says of which {field.kind}",
            f"mark one: Annotated[str, Subject({field.kind!r})]",
        )
    if any(one.name == field.subject for one in kind.personal_fields):
        yield f"names a subject by {field.subject!r}, which is encrypted itself", "use an id that tells nothing"
    if field.name in kind.tag_fields:
        yield f"has personal data in a tag, {field.name!r}, which everybody can read", "tag it by an id"
    if kind.kind is Kind.EVENT and not field.erasable:
        yield (
            f"has personal data in {field.name!r}, which does not take Erased",
            "say `| Erased` in its type: that is what it has once the subject is erased",
        )


def _place(address: "str | Path | KeyStore") -> str:
    """A path without what stands before it, or the address."""
    text = str(address)
    if text.partition("://")[0] in _POSTGRES:
        return text.partition("?")[0]
    return str(Path(text.removeprefix("sqlite:///")).resolve())
