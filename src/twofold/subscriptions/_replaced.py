"""The error of a follower that finds another log than the one it followed."""

from typing import ClassVar

from twofold.errors import WiringError


class LogReplaced(WiringError):
    """The log is not the one that a checkpoint belongs to: it was made anew, or an older backup was restored.

    Args:
        name: The checkpoint.
        position: Where it stands.
        head: The head of the log that was found.
    """

    code: ClassVar[str] = "log_replaced"

    def __init__(self, *, name: str, position: int, head: int) -> None:
        super().__init__()
        self.name, self.position, self.head = name, position, head

    @property
    def detail(self) -> str:
        return f"checkpoint {self.name!r} stands at {self.position} of another log; this one ends at {self.head}"

    @property
    def hint(self) -> str:
        return "restore log and checkpoints from one backup, or rebuild what follows the log"
