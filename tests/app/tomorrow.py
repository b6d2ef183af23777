"""The application of `test_evolution.py` as it will be: one of its events has a version more."""

from dataclasses import dataclass

from twofold import Event, Module, event


@event(name="addressed", version=2)
@dataclass(frozen=True, kw_only=True)
class Addressed(Event):
    """It will have another field."""

    id: str
    line: str
    zip: int = 0


def tomorrow() -> tuple[Module, list[str]]:
    """A feature with the reaction of the one of today, and what it has seen."""
    module, seen = Module("orders"), list[str]()

    @module.on(Addressed)
    async def note(event: Addressed) -> None:
        seen.append(f"{event.line} {event.zip}")

    return module, seen
