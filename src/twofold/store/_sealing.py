"""Sealing the audit trail behind the commits, and proving that it is as it was sealed.

Commits stay concurrent, since none of them waits for the chain. Whoever seals looks how far the trail is final, and
adds one block; of several who do so at once, the store takes one.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from twofold.store._audit import DIGEST_SIZE, AuditBlock, AuditEntry, AuditSearch, AuditTrail

_EVERY = AuditSearch()
_MOST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """The first thing in a trail that is not as it was sealed.

    Args:
        text: What is wrong.
        entry: The number of the first bad entry; None when it is no entry that is bad.
        block: The number of the block that tells; None when no block does.
    """

    text: str
    entry: int | None = None
    block: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the proof of a trail came to.

    Args:
        entries: How many entries are as they were sealed.
        head: The last block that is right, whose hash is the anchor to note elsewhere; None when there is none.
        unsealed: How many entries are behind the last block, so that nothing proves them yet.
        flaw: What is wrong first; None when nothing is.
    """

    entries: int
    head: AuditBlock | None
    unsealed: int = 0
    flaw: Flaw | None = None


async def seal(trail: AuditTrail, now: datetime) -> int:
    """Seal all entries that are final by now.

    Args:
        trail: The trail.
        now: The time, for the blocks.

    Returns:
        How many entries it has sealed; those that somebody else sealed meanwhile do not count.
    """
    sealed, bound = 0, await trail.bound()
    while True:
        behind = await trail.last_block()
        entries = await trail.find(_EVERY, after=0 if behind is None else behind.last, until=bound, limit=_MOST)
        if not entries:
            return sealed
        if await trail.seal(AuditBlock.of(entries, behind, now)):
            sealed += len(entries)


async def verify(trail: AuditTrail, anchor: bytes | None = None) -> Verdict:
    """Prove that every sealed entry and every block is as it was sealed.

    A chain alone cannot show that its end was cut off, or that all of it was made anew: an anchor can.

    Args:
        trail: The trail.
        anchor: The hash of a block that was noted somewhere else; None to do without.
    """
    entries, head, anchored = 0, None, anchor is None
    async for block in _blocks(trail):
        flaw = _broken(block, head) or await _changed(trail, block, 0 if head is None else head.last)
        if flaw is not None:
            return Verdict(entries=entries, head=head, flaw=flaw)
        entries, head, anchored = entries + block.count, block, anchored or block.hash == anchor
    if not anchored:
        flaw = Flaw(text="no block has the hash of the anchor: the end was cut off, or the chain was made anew")
        return Verdict(entries=entries, head=head, flaw=flaw)
    return Verdict(entries=entries, head=head, unsealed=await _unsealed(trail, 0 if head is None else head.last))


def _broken(block: AuditBlock, behind: AuditBlock | None) -> Flaw | None:
    number, previous = (1, b"") if behind is None else (behind.number + 1, behind.hash)
    if block.number != number:
        return Flaw(text=f"block {number} is missing", block=block.number)
    if block.previous != previous:
        return Flaw(text=f"block {number} does not follow the one before it", block=number)
    if block.hash != block.sealed:
        return Flaw(text=f"block {number} was changed", block=number)
    return None


async def _changed(trail: AuditTrail, block: AuditBlock, after: int) -> Flaw | None:
    entries = await trail.find(_EVERY, after=after, until=block.last, limit=block.count + 1)
    sealed = [block.digests[at : at + DIGEST_SIZE] for at in range(0, len(block.digests), DIGEST_SIZE)]
    for place, digest in enumerate(sealed):
        if place == len(entries):
            text = f"entries are missing at the end of block {block.number}, up to {block.last}"
            return Flaw(text=text, entry=block.last, block=block.number)
        if entries[place].digest != digest:
            return _told(entries[place], block, sealed[place:])
    if len(entries) > len(sealed):
        extra = entries[-1].number
        return Flaw(text=f"entry {extra} was added to what is sealed", entry=extra, block=block.number)
    return None


def _told(entry: AuditEntry, block: AuditBlock, left: Sequence[bytes]) -> Flaw:
    if entry.digest in left:
        text = f"an entry before entry {entry.number} is missing"
    else:
        text = f"entry {entry.number} was changed, or put in the place of another"
    return Flaw(text=text, entry=entry.number, block=block.number)


async def _blocks(trail: AuditTrail) -> AsyncIterator[AuditBlock]:
    after = 0
    while page := await trail.blocks(after=after, limit=_PAGE):
        for block in page:
            yield block
        after = page[-1].number


async def _unsealed(trail: AuditTrail, after: int) -> int:
    count = 0
    while page := await trail.find(_EVERY, after=after, limit=_MOST):
        count, after = count + len(page), page[-1].number
    return count


_PAGE = 100
