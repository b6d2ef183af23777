"""What an application says of its audit trail, and the keys that the environment gives for it."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from twofold.app._given_keys import given_keys
from twofold.errors import Fault, WiringError
from twofold.store import AuditKeys

_OURS: Final = re.compile(r"TWOFOLD_AUDIT_(?!\w*__)\w+", re.IGNORECASE)  # a module may be called so too
AUDIT_KEYS: Final = ("TWOFOLD_AUDIT_KEY", "TWOFOLD_AUDIT_KEY_FILE")
"""The variables that give keys, and the file that has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Auditing:
    """How the audit trail of an application is kept.

    Raises:
        WiringError: A setting is out of its range.

    Example:
        >>> Auditing(keep=timedelta(days=90))
        Auditing(keep=datetime.timedelta(days=90))
    """

    keep: timedelta | None = None
    """How long entries are kept after they were sealed: older ones are taken away, in whole blocks; None for ever."""

    def __post_init__(self) -> None:
        keep: Any = self.keep
        if keep is not None and (not isinstance(keep, timedelta) or keep <= timedelta()):
            raise WiringError(f"Auditing(keep=) takes a timedelta, and {keep!r} is no time that passes")

    @classmethod
    def of(cls, said: "bool | Auditing") -> "Auditing | None":
        """The settings that a shorthand means; None for no trail.

        Args:
            said: Whether there is one, or settings as they are.
        """
        if isinstance(said, bool):
            return cls() if said else None
        return said


def audit_keys() -> AuditKeys:
    """The keys that the environment gives, the first of which seals; none, and it is sealed without.

    Raises:
        WiringError: They cannot be read, or one is no key.
    """
    return AuditKeys(*given_keys(*AUDIT_KEYS))


def key_faults() -> Iterator[Fault]:
    """What is wrong with the keys that the environment gives; a name that is nearly right would be no key at all."""
    for name in os.environ:
        if _OURS.fullmatch(name) and name not in AUDIT_KEYS:
            hint = f"did you mean {' or '.join(AUDIT_KEYS)}?"
            yield Fault(
                where="the environment", code="wrong_setting", text=f"sets {name}, which nobody reads", hint=hint
            )
    try:
        audit_keys()
    except WiringError as error:
        yield Fault(where="the environment", code="wrong_setting", text=f"gives no keys: {error.detail}")
