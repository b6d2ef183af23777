"""What goes wrong in a subscription: counted, told, and waited for."""

import asyncio
from typing import final

from twofold.errors import CheckpointMoved, Classifier, Family, NewerVersion, ViewNotRefreshed
from twofold.store import Parked
from twofold.subscriptions._trouble import Observer, Trouble

_FIRST_BACK_OFF = 0.05
_LAST_BACK_OFF = 10.0


@final
class Failures:
    """The failures of one subscription, in a row.

    Args:
        name: The subscription's name.
        attempts: How often an event is tried before it is put aside; what is unavailable is tried for ever.
        classifier: Tells what is unavailable.
        observer: Told of every one.
    """

    def __init__(self, name: str, attempts: int, classifier: Classifier, observer: Observer | None) -> None:
        self.count = 0
        self.error: Exception | None = None
        self._steps = 0
        self._name = name
        self._attempts = attempts
        self._classifier = classifier
        self._observer = observer

    @property
    def back_off(self) -> float:
        """How long to wait before it is tried again, in seconds."""
        return min(_FIRST_BACK_OFF * 2.0 ** min(self._steps - 1, 16), _LAST_BACK_OFF)

    def begin(self, error: Exception, position: int) -> None:
        """Count one that is tried again, and tell of it."""
        self.count += 1
        self._steps += 1
        self.error = error
        self.tell(error, position)

    def ease(self) -> None:
        """Let the back-off begin anew: what was away is back."""
        self._steps = 0

    def end(self) -> None:
        """All is well again."""
        self.count, self._steps, self.error = 0, 0, None

    def passes(self, error: Exception) -> bool:
        """Whether an error says nothing about the event: what it needs is away, or the checkpoint is another's."""
        return self._away(error) or isinstance(error, CheckpointMoved)

    def exhausted(self, error: Exception) -> bool:
        """Whether the event that fails now has been tried often enough: once, when only another process can read it."""
        return isinstance(error, NewerVersion) or self.count + 1 >= self._attempts

    def tell(self, error: Exception, position: int, parked: Parked | None = None) -> None:
        """Tell the observer.

        Args:
            error: What went wrong.
            position: That of the event that failed, or the last one that was dealt with.
            parked: The event that was put aside because of it.
        """
        if self._observer is not None:
            trouble = Trouble(
                subscription=self._name,
                position=position,
                error=error,
                failures=self.count,
                parked=parked,
                away=self._away(error) and not isinstance(error, ViewNotRefreshed),
            )
            # By the event loop: what an observer raises is reported there, and never ends the subscription.
            asyncio.get_running_loop().call_soon(self._observer, trouble)

    def _away(self, error: Exception) -> bool:
        if isinstance(error, NewerVersion):
            return False  # no waiting makes this process know it, and the other streams need not wait
        category = self._classifier.of_exception(error)
        return category is not None and category.family is Family.UNAVAILABLE
