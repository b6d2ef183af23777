"""Where the versions of a projection stand in a store, and what a process that has one of them has to do about it.

The live one has the names that everybody uses. `next` is being built beside it, `previous` is kept for a roll-back.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from twofold.store import Checkpoint, Store

Place: TypeAlias = Literal["next", "previous"]
"""Beside the live tables: those that are built, or those that were live before."""

NEXT: Final = "next"
PREVIOUS: Final = "previous"
AWAY: Final = "away"
"""Where something is in the middle of an exchange, and never before or after one."""


def checkpoint_beside(name: str, place: str) -> str:
    """The name of the checkpoint of what stands beside a projection."""
    return f"{name}@{place}"


class Standing(NamedTuple):
    """The versions of one projection in a store; one that is not there has version 0.

    Args:
        live: What everybody reads.
        next: What is built beside it.
        previous: What was live before.
    """

    live: Checkpoint
    next: Checkpoint
    previous: Checkpoint

    def at(self, place: Place) -> Checkpoint:
        """What stands at a place."""
        return self.next if place == NEXT else self.previous


class Duty(NamedTuple):
    """What a process has to do for a projection whose version it has.

    Args:
        follow: Whether it fills the live tables.
        build: Whether it builds the next ones.
        lay: Whether there is nothing to build on yet.
        reason: Why it does nothing; empty when it does something.
    """

    follow: bool = False
    build: bool = False
    lay: bool = False
    reason: str = ""


async def standings(store: Store, names: Sequence[str]) -> Mapping[str, Standing]:
    """Where projections stand, all at one moment."""
    found = {one.name: one for one in await store.checkpoints.all()}

    def at(name: str) -> Checkpoint:
        return found.get(name) or Checkpoint(name=name)

    return {
        name: Standing(
            live=at(name), next=at(checkpoint_beside(name, NEXT)), previous=at(checkpoint_beside(name, PREVIOUS))
        )
        for name in names
    }


async def standing(store: Store, name: str) -> Standing:
    """Where one projection stands."""
    return (await standings(store, [name]))[name]


def duty_of(version: int, stands: Standing) -> Duty:
    """What to do for a projection.

    Args:
        version: The version that this process has of it.
        stands: Where it stands in the store; somebody has placed the live one.

    Returns:
        The live version is followed; a newer one is built. An older one, and one that was rolled back, do nothing.
    """
    live, following, previous = stands.live.version, stands.next.version, stands.previous.version
    if live == version:
        return Duty(follow=True, build=following == version)
    if live > version:
        return Duty(reason=f"version {live} is live, and this process has version {version}")
    if following == version:
        return Duty(build=True)
    if following > version:
        return Duty(reason=f"version {following} is being built, and this process has version {version}")
    if previous == version:
        return Duty(reason=f"version {version} was rolled back to version {live}")
    return Duty(build=True, lay=True)
