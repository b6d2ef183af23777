"""The profile of an application, and what keeps it from starting in production: what does on a desk, and not there."""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final, Literal, TypeAlias, get_args

from twofold.app._auditing import AUDIT_KEYS, Auditing
from twofold.app._given_keys import given_keys
from twofold.app._personal import PERSONAL_KEYS, keys_of
from twofold.app._role import Role
from twofold.app._room import open_room
from twofold.app._stores import Stores
from twofold.errors import Fault, WiringError
from twofold.messaging import Broker, MemoryBroker
from twofold.store import MemoryStore, foundation

Profile: TypeAlias = Literal["development", "production"]
"""Where an application runs: on a desk, or where others depend on it."""

_VARIABLE: Final = "TWOFOLD_PROFILE"
_VARIETY: Final = 8
"""How many different characters a key has at least that nobody has typed."""
_PRINTED: Final = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
"""What the key begins with that our pages show."""


def profile_of(said: str | None) -> Profile:
    """The profile that a setting means.

    Args:
        said: Its name; None for the environment variable `TWOFOLD_PROFILE`, and without that `development`.

    Raises:
        WiringError: There is no such profile.
    """
    for name in get_args(Profile):
        if name == (said or os.environ.get(_VARIABLE) or "development"):
            found: Profile = name
            return found
    source = f"profile={said!r}" if said else f"{_VARIABLE}={os.environ[_VARIABLE]}"
    raise WiringError(f"{source} is neither {' nor '.join(get_args(Profile))}")


def production_faults(stores: Stores, role: Role, auditing: Auditing | None, broker: Broker | None) -> Iterator[Fault]:
    """What keeps an application from starting in production.

    Args:
        stores: Where it keeps what it has.
        role: Which part of it this process is.
        auditing: How its audit trail is kept; None without one.
        broker: What its events leave over; None where nothing does.
    """
    yield from _forgetful(stores)
    if isinstance(broker, MemoryBroker):
        yield _fault("the broker", "in_memory", "is in memory, and nobody else sees what is published", "use nats://")
    if os.environ.get("PYTHONASYNCIODEBUG") or sys.flags.dev_mode:
        hint = "leave PYTHONASYNCIODEBUG, PYTHONDEVMODE and -X dev to development"
        yield _fault(
            "the interpreter", "debug_mode", "runs asyncio in its debug mode, which is slow and tells more", hint
        )
    if auditing is not None and role.works and not any(map(os.environ.get, AUDIT_KEYS)):
        text = "is sealed without a key, so whoever can write the database can make it anew"
        hint = f"set {' or '.join(AUDIT_KEYS)}: `openssl rand -hex 32` makes one"
        yield _fault("the audit trail", "no_audit_key", text, hint)
    yield from _guessable(AUDIT_KEYS)
    yield from _guessable(PERSONAL_KEYS)


def _forgetful(stores: Stores) -> Iterator[Fault]:
    databases = {"the database": stores.write, **({"the read database": stores.read} if stores.apart else {})}
    for where, store in databases.items():
        kept: Any = foundation(store)
        if isinstance(kept, MemoryStore):
            yield _fault(where, "in_memory", "is in memory, and gone with this process", "use a file or postgresql://")
        elif getattr(kept, "durability", "full") != "full":
            text = "acknowledges commits before they are on the disk"
            yield _fault(where, "not_durable", text, 'say durability="full", or leave it out')
    keys = keys_of(stores)
    if keys is not None and isinstance(keys, open_room("twofold.personal").MemoryKeyStore):
        text = "is in memory, and all personal data is erased with this process"
        yield _fault("the key database", "in_memory", text, "use a file or postgresql://")


def _guessable(names: tuple[str, str]) -> Iterator[Fault]:
    keys: list[str] = []
    with suppress(WiringError):  # told with the settings of the environment
        keys = given_keys(*names)
    if any(len(set(key)) < _VARIETY or key.startswith(_PRINTED) for key in keys):
        text = "gives a key that others know or can guess"
        yield _fault(
            "the environment", "known_key", f"{text}, in {' or '.join(names)}", "`openssl rand -hex 32` makes one"
        )


def _fault(where: str, code: str, text: str, hint: str) -> Fault:
    return Fault(where=where, code=code, text=text, hint=f"{hint}; the profile is production")
