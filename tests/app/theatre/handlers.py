"""The handlers, which import no event by its name."""

from dataclasses import dataclass

import tests.app.theatre.events as happened
import tests.app.theatre.staff
from tests.app.theatre import contracts, posters
from tests.app.theatre.posters import Cleaning, Stage
from twofold import Command, CommandHandler, EventBus, Module, Repository, Result, Success, UnitOfWork


@dataclass(frozen=True, kw_only=True)
class Plan(Command[None]):
    """A show."""

    show: str


@dataclass(frozen=True, kw_only=True)
class Announce(Command[None]):
    """A show."""

    show: str


@dataclass(frozen=True, kw_only=True)
class OpenStage(Command[None]):
    """The stage."""


@dataclass(frozen=True, kw_only=True)
class Clean(Command[None]):
    """The stage."""


@dataclass(frozen=True, kw_only=True)
class Hire(Command[None]):
    """Somebody."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Compare(Command[bool]):
    """With what is none of ours."""


theatre = Module("theatre")
theatre.provide(Cleaning)


@theatre.handler
async def plan(command: Plan, unit: UnitOfWork) -> None:
    unit.append(f"show-{command.show}", happened.Planned(show=command.show))


@theatre.handler
async def announce(command: Announce, bus: EventBus) -> None:
    await posters.announce(bus, command.show)


@theatre.handler
async def open_stage(command: OpenStage, stages: Repository[Stage]) -> None:
    stage = Stage()
    stage.open()
    await stages.add(stage)


@theatre.handler
class CleanHandler(CommandHandler[Clean, None]):
    """A class that is given what it needs where it is made."""

    def __init__(self, cleaning: Cleaning) -> None:
        self._cleaning = cleaning

    async def handle(self, command: Clean) -> None:
        """Handle it."""
        await self._cleaning.clean()


@theatre.handler
async def hire(command: Hire, bus: EventBus) -> None:
    await bus.publish(tests.app.theatre.staff.Hired(name=command.name))


@theatre.handler
async def compare(command: Compare) -> Result[bool]:
    ours: object = command
    if isinstance(ours, contracts.Planned | contracts.Happening):
        return Success(bool(contracts.settings))
    return Success(False)
