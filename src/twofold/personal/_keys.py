"""The port of a key store: one key for each subject, kept outside the database of events and outside its backups.

A key that is destroyed leaves its id, so that what it has encrypted is known as erased, and is told from what was
encrypted under a key of another store.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable
from uuid import UUID

from twofold.errors import Refused, Unavailable


class Key(NamedTuple):
    """The key of a subject.

    Args:
        id: Its id, which is kept beside whatever it encrypts.
        subject: Whose it is: `customer:7f3`.
        secret: 32 bytes; None once it is destroyed.
    """

    id: UUID
    subject: str
    secret: bytes | None

    def __repr__(self) -> str:
        return f"Key({self.id}, {self.subject!r}{'' if self.secret else ', destroyed'})"


class KeyStore(Protocol):
    """Keeps the keys of subjects. Of several processes that make the key of one subject at once, all get the same."""

    async def start(self) -> None:
        """Open it; harmless when it is open.

        Raises:
            StoreUnavailable: It cannot be opened.
        """
        ...

    async def stop(self) -> None:
        """Close it; harmless when it is closed."""
        ...

    async def key_of(self, subject: str) -> Key:
        """The key of a subject, made when there was none; a destroyed one is not made again.

        Raises:
            StoreUnavailable: Nobody can tell now.
        """
        ...

    async def find(self, ids: Collection[UUID]) -> Mapping[UUID, Key]:
        """The keys with some ids, destroyed ones too; what is not in it was never kept here.

        Raises:
            StoreUnavailable: Nobody can tell now.
        """
        ...

    async def destroy(self, subject: str) -> UUID | None:
        """Destroy the key of a subject for good; one that has none never gets one.

        Returns:
            The id of the key, when it was destroyed before too; None when there was none.

        Raises:
            StoreUnavailable: Nobody can tell whether it is destroyed.
        """
        ...

    async def subjects(self) -> Sequence[str]:
        """Whose keys there are, sorted; without those that are destroyed."""
        ...


@runtime_checkable
class ProvableKeyStore(Protocol):
    """A key store that can tell whether it is given what opens its keys: an ability of those with master keys."""

    async def prove(self) -> None:
        """Open the newest key that is not destroyed, if there is one.

        Raises:
            MasterKeyMissing: None of the master keys that are given opens it.
            StoreUnavailable: Nobody can tell now.
        """
        ...


class KeyUnknown(Unavailable):
    """Personal data is encrypted under a key that the key store has never had: it is another store than it was.

    Args:
        key: The id of the key.
    """

    code: ClassVar[str] = "key_unknown"

    def __init__(self, key: UUID) -> None:
        super().__init__(f"personal data is encrypted under the key {key}, which the key store has never had")
        self.key = key

    @property
    def hint(self) -> str:
        """What is likely."""
        return "is it the right key database, and is a backup of it as new as that of the events?"


class SubjectGone(Refused):
    """Personal data of a subject whose key is destroyed would be recorded: nobody could read it, so it is refused.

    Args:
        subject: The subject.
    """

    code: ClassVar[str] = "subject_gone"

    def __init__(self, subject: str) -> None:
        super().__init__(f"{subject} is erased, so that no personal data of it is recorded any more")
        self.subject = subject
