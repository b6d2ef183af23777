"""Served and not started: told to whoever asks, with what has most often been forgotten."""

from typing import final

from twofold.errors import Hinted, Unavailable


@final
class NotRunning(Hinted, Unavailable):
    """The lifespan that starts the application has not run, or is over."""

    def __init__(self) -> None:
        super().__init__(
            "the application is not running",
            hint="the lifespan of what serves it starts it: a test says `with TestClient(api) as client`",
        )
