"""Where the built-in retriers come from."""

from collections.abc import Callable
from typing import cast, final

from twofold.clock import Clock, SystemClock
from twofold.errors import Classifier, WiringError, open_module
from twofold.reliability._retry import Retrier, Retry


@final
class BackoffRetries:
    """A retrier with growing pauses for each message type.

    Args:
        settings: The settings of a message type; a dict's `get` will do.
        clock: The clock that deadlines belong to.
        classifier: Tells what an error means.
    """

    __slots__ = ("_classifier", "_clock", "_settings")

    def __init__(
        self,
        settings: Callable[[type], Retry | None],
        *,
        clock: Clock = SystemClock(),
        classifier: Classifier | None = None,
    ) -> None:
        self._settings, self._clock, self._classifier = settings, clock, classifier or Classifier()

    def of(self, message_type: type) -> Retrier:
        """The retrier of a message type; see `Retries`.

        Raises:
            WiringError: Nothing is set for it.
            MissingExtraError: The package that runs the attempts is not installed.
        """
        settings = self._settings(message_type)
        if settings is None:
            raise WiringError(f"no retry is set for {message_type.__qualname__}")
        room = open_module("twofold.reliability._backoff", extra="reliability")
        return cast("Retrier", room.Backoff(settings, self._clock, self._classifier))
