"""The truth about work that its caller was cancelled in."""

from typing import Any


class Decided(Exception):
    """What became of work that was carried through although its caller had been cancelled.

    It is the cause of the cancellation that the caller sees, and never raised itself: whoever has made a deadline into
    that cancellation finds here what to say instead of that nothing was done.

    Args:
        value: What it gave.
        error: What it ended in; None when it was done.
    """

    def __init__(self, value: Any = None, error: BaseException | None = None) -> None:
        super().__init__("the work was decided all the same")
        self.value, self.error = value, error
        self.answer: Any = None
        """The Result that this means for the message whose work it was; None for somebody else's work."""
