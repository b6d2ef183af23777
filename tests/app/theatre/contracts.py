"""What handlers name here, and record nothing of."""

from dataclasses import dataclass

from twofold import Event


@dataclass(frozen=True, kw_only=True)
class Planned(Event):
    """That of another service, which calls it as this one does."""

    at: str


class Happening(Event):
    """What others derive from, and can be no event by itself."""

    def __init__(self, where: object) -> None:
        self.where = where


class _Unready:
    def __getattribute__(self, name: str) -> object:
        raise RuntimeError("it is asked before it is ready")


settings = _Unready()
