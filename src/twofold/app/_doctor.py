"""What a doctor says of an application, for code and tests; the room that knows is loaded when it is asked."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from twofold.app._app import App
from twofold.app._room import open_room

if TYPE_CHECKING:
    from twofold.app.diagnosis import Diagnosis


def doctor(app: App) -> "Sequence[Diagnosis]":
    """Everything that is wrong with how an application is declared, and what will hurt later; nothing is opened.

    Args:
        app: The application; it need not be running.

    Returns:
        What was found, each with a severity, a code, a text and a hint. `twofold doctor` looks at the databases, too.

    Example:
        >>> def test_the_doctor_finds_nothing() -> None:
        ...     assert not doctor(app)
    """
    found: Sequence[Diagnosis] = open_room("twofold.app.diagnosis").look_at(app)
    return found
