"""What the proof of an audit trail has come to, for people and for machines."""

from collections.abc import Iterator
from typing import Any

from twofold.cli._audit_entry import TIME
from twofold.middleware import printable
from twofold.store import Verdict


def verdict_lines(verdict: Verdict) -> Iterator[str]:
    """What the proof of a trail that has no flaw came to, line by line."""
    cut, head = verdict.cut, verdict.head
    if cut is not None:
        yield (
            f"entries up to {cut.entry}, in blocks up to {cut.block}, were taken away at {cut.time:{TIME}} by the rule"
            f" {printable(cut.rule)}: they had been sealed before {cut.before:{TIME}}"
        )
    if head is None:
        yield "nothing is sealed yet"
    else:
        behind = "" if cut is None else f", from block {cut.block + 1} on"
        yield f"{verdict.entries} entries are as they were sealed, in {_blocks(verdict)} blocks{behind}"
        if verdict.keyed:
            yield f"{verdict.keyed} of them are sealed under a key"
        yield f"anchor {head.hash.hex()}"
    if verdict.unsealed:
        yield f"{verdict.unsealed} more are not sealed yet; a worker does that within a second or two"


def verdict_as_dict(verdict: Verdict) -> dict[str, Any]:
    """The same as a dictionary, ready for JSON."""
    cut, head = verdict.cut, verdict.head
    return {
        "entries": verdict.entries,
        "blocks": _blocks(verdict),
        "keyed": verdict.keyed,
        "unsealed": verdict.unsealed,
        "anchor": None if head is None else head.hash.hex(),
        "taken_away": None
        if cut is None
        else {
            "until_entry": cut.entry,
            "until_block": cut.block,
            "time": cut.time.isoformat(),
            "sealed_before": cut.before.isoformat(),
            "rule": cut.rule,
        },
    }


def _blocks(verdict: Verdict) -> int:
    """How many blocks there are."""
    first = 1 if verdict.cut is None else verdict.cut.block + 1
    return 0 if verdict.head is None else verdict.head.number + 1 - first
