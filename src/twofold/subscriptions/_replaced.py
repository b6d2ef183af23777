"""The error of a follower that finds another log than the one it followed."""

from typing import ClassVar

from twofold.errors import WiringError


class LogReplaced(WiringError):
    """The log is not the one that a checkpoint belongs to: it was made anew, or an older backup was restored.

    Args:
        name: The checkpoint.
        position: Where it stands.
        head: The head of the log that was found.
        shorter: Whether it is the same log, and what the checkpoint has seen is not in it any more.
    """

    code: ClassVar[str] = "log_replaced"

    def __init__(self, *, name: str, position: int, head: int, shorter: bool = False) -> None:
        super().__init__()
        self.name, self.position, self.head, self.shorter = name, position, head, shorter

    @property
    def detail(self) -> str:
        if self.shorter:
            return f"checkpoint {self.name!r} stands at {self.position}, and the log ends at {self.head}"
        return f"checkpoint {self.name!r} stands at {self.position} of another log; this one ends at {self.head}"

    @property
    def hint(self) -> str:
        if self.shorter:
            return "an older backup was restored: stop every process, and run `twofold db restored`"
        name = self.name.partition("@")[0]
        return (
            "the log was made anew, or this is the wrong address, of the log or of the read database: then mend that;"
            f" otherwise `twofold projections reset {name}` builds a projection anew, and a writer begins anew under"
            " another name"
        )
