"""Who should have what, when several processes follow one log: a decision over the checkpoints as they stand.

A process that has at least two fewer than another one asks for one of that one's, by owning a mark beside its
checkpoint; a lease like any other, so whoever asks and dies asks no longer. The one that has more hands it over. Each
step makes the two more equal, so there are finitely many, and none once nobody has two fewer than another one.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from twofold.store import NOBODY, Checkpoint

_MARK = "@heir"


def mark_beside(name: str) -> str:
    """The name of the mark of whoever asks for a checkpoint."""
    return name + _MARK


def asks(
    me: str, follows: Collection[str], stand: Sequence[Checkpoint], dead: Callable[[Checkpoint], bool]
) -> list[str]:
    """The checkpoints that a process should ask for.

    Args:
        me: The process, by the name that it owns under.
        follows: The checkpoints that it can follow.
        stand: All checkpoints of the store.
        dead: Tells whose owner is dead.
    """
    found, loads = _found(stand), _loads(stand)

    def open_to_me(one: Checkpoint) -> bool:
        mark = found.get(mark_beside(one.name))
        return mark is None or mark.owner in (NOBODY, me) or dead(mark)

    def urgency(one: Checkpoint) -> tuple[int, bool, str]:
        mark = found.get(mark_beside(one.name))
        return loads[one.owner], mark is not None and mark.owner == me, one.name

    others = [one for one in stand if one.name in follows and one.owner not in (NOBODY, me) and open_to_me(one)]
    asked: list[str] = []
    while others:
        richest = max(others, key=urgency)
        if not _shift(loads, richest.owner, me):
            break
        others.remove(richest)
        asked.append(richest.name)
    return asked


def owes(me: str, stand: Sequence[Checkpoint], alive: Callable[[Checkpoint], bool]) -> dict[str, str]:
    """The checkpoints that a process should hand over, with whom to.

    Args:
        me: The process.
        stand: All checkpoints of the store.
        alive: Tells whose owner was seen to live.
    """
    found, loads = _found(stand), _loads(stand)
    marks = {one.name: found.get(mark_beside(one.name)) for one in stand if one.owner == me}
    heirs = {name: mark.owner for name, mark in marks.items() if mark is not None and mark.owner != me and alive(mark)}
    owed: dict[str, str] = {}
    while heirs:
        name = min(heirs, key=lambda name: (loads[heirs[name]], name))
        heir = heirs.pop(name)
        if not _shift(loads, me, heir):
            break
        owed[name] = heir
    return owed


def _shift(loads: Counter[str], rich: str, poor: str) -> bool:
    """Move one from one owner to another; whether that makes them more equal, and was done."""
    if loads[rich] < loads[poor] + 2:
        return False
    loads[rich] -= 1
    loads[poor] += 1
    return True


def _found(stand: Sequence[Checkpoint]) -> Mapping[str, Checkpoint]:
    return {one.name: one for one in stand}


def _loads(stand: Sequence[Checkpoint]) -> Counter[str]:
    return Counter(one.owner for one in stand if one.owner != NOBODY and not one.name.endswith(_MARK))
