"""What keeps a message from being counted as published, or an event from being received."""

from typing import ClassVar

from twofold.errors import Corrupt, Unavailable


class NotConfirmed(Unavailable):
    """The broker has not confirmed a message: it may have it, or not, and is given it again under the same id.

    Args:
        subject: Where the message was to go.
        cause: Why, as the broker or the connection says it.
    """

    code: ClassVar[str] = "not_confirmed"

    def __init__(self, *, subject: str, cause: str) -> None:
        super().__init__()
        self.subject, self.cause = subject, cause

    @property
    def detail(self) -> str:
        return f"the broker has not confirmed a message to {self.subject}: {self.cause}"

    @property
    def hint(self) -> str:
        return "it is given again until that is done; see that the broker is there, and keeps this subject"


class MessageRefused(Corrupt):
    """The broker will never take a message as it is; it is parked, and later events of its stream behind it.

    Args:
        subject: Where the message was to go.
        cause: Why.
    """

    code: ClassVar[str] = "message_refused"

    def __init__(self, *, subject: str, cause: str) -> None:
        super().__init__()
        self.subject, self.cause = subject, cause

    @property
    def detail(self) -> str:
        return f"the broker refuses a message to {self.subject}: {self.cause}"

    @property
    def hint(self) -> str:
        return "have the broker take it and `twofold parked retry` it, or `twofold parked drop` it"


class NotReceived(Unavailable):
    """The broker gives no messages: it is away, or what this application receives by is not there.

    Args:
        place: What was to be received.
        cause: Why not, as the broker or the connection says it.
    """

    code: ClassVar[str] = "not_received"

    def __init__(self, *, place: str, cause: str) -> None:
        super().__init__()
        self.place, self.cause = place, cause

    @property
    def detail(self) -> str:
        return f"the broker gives no messages of {self.place}: {self.cause}"

    @property
    def hint(self) -> str:
        return "it is asked again until it does; see that it is there, and keeps the place"


class MessageUnreadable(Corrupt):
    """A message of another service is no event that this application receives; it is parked.

    Args:
        cause: What is wrong with it.
    """

    code: ClassVar[str] = "message_unreadable"

    def __init__(self, cause: str) -> None:
        super().__init__()
        self.cause = cause

    @property
    def detail(self) -> str:
        return f"a message cannot be read: {self.cause}"

    @property
    def hint(self) -> str:
        return "`twofold parked show` has it; mend and `twofold parked retry` it, or `twofold parked drop` it"
