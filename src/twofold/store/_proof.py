"""Proving that an audit trail is as it was sealed, from the block that it begins with today."""

from collections.abc import AsyncIterator, Sequence
from hmac import compare_digest
from typing import Final, NamedTuple, final

from twofold.store._audit import AuditEntry, AuditSearch
from twofold.store._audit_block import AuditBlock
from twofold.store._audit_cut import AuditCut
from twofold.store._audit_keys import DIGEST_SIZE, NO_KEYS, PLAIN, AuditKeys
from twofold.store._audit_trail import AuditTrail

_EVERY: Final = AuditSearch()
_MOST: Final = 1000
_PAGE: Final = 100


class Flaw(NamedTuple):
    """The first thing in a trail that is not as it was sealed.

    Args:
        text: What is wrong.
        entry: The number of the first bad entry; None when it is no entry that is bad.
        block: The number of the block that tells; None when no block does.
    """

    text: str
    entry: int | None = None
    block: int | None = None


class Verdict(NamedTuple):
    """What the proof of a trail came to.

    Args:
        entries: How many entries are as they were sealed.
        head: The last block that is right, whose hash is the anchor to note elsewhere; None when there is none.
        unsealed: How many entries are behind the last block, so that nothing proves them yet.
        keyed: How many of the entries are sealed under a key.
        cut: What was taken away before the first of them; None for nothing.
        flaw: What is wrong first; None when nothing is.
    """

    entries: int
    head: AuditBlock | None
    unsealed: int = 0
    keyed: int = 0
    cut: AuditCut | None = None
    flaw: Flaw | None = None


async def verify(trail: AuditTrail, anchor: bytes | None = None, keys: AuditKeys = NO_KEYS) -> Verdict:
    """Prove that every sealed entry and every block is as it was sealed.

    A chain alone cannot show that its end was cut off, or that all of it was made anew: an anchor can.

    Args:
        trail: The trail.
        anchor: The hash of a block that was noted somewhere else; None to do without.
        keys: The keys that it was sealed under; with any, at least the last block has to be sealed under one.

    Raises:
        AuditKeyMissing: It was sealed under another key too, so that nothing can be said.
    """
    while True:
        cut = await trail.last_cut()
        verdict = await _Proof(trail, anchor, keys, cut).run()
        if verdict.flaw is None or await trail.last_cut() == cut:
            return verdict  # what is cut while it is read is no flaw


@final
class _Proof:
    def __init__(self, trail: AuditTrail, anchor: bytes | None, keys: AuditKeys, cut: AuditCut | None) -> None:
        self._trail = trail
        self._anchor = anchor
        self._keys = keys
        self._cut = cut
        self._told = cut is None
        self._told_under_key = False
        self._anchored = anchor is None or (cut is not None and compare_digest(cut.previous, anchor))
        self._head: AuditBlock | None = None
        self._entries = 0
        self._keyed = 0

    async def run(self) -> Verdict:
        cut = self._cut
        if cut is not None and not cut.is_sound(self._keys):
            return self._verdict(flaw=Flaw(text="the record of what was taken away was changed"))
        async for block in _blocks(self._trail):
            flaw = self._broken(block) or await self._changed(block)
            if flaw is not None:
                return self._verdict(flaw=flaw)
            self._head = block
            self._entries += block.count
            self._keyed += block.count if block.key != PLAIN else 0
            self._anchored = self._anchored or compare_digest(block.hash, self._anchor or b"")
        unsealed = await self._unsealed()
        return self._verdict(unsealed=unsealed, flaw=self._beside())

    def _verdict(self, *, unsealed: int = 0, flaw: Flaw | None) -> Verdict:
        return Verdict(
            entries=self._entries,
            head=self._head,
            unsealed=0 if flaw else unsealed,
            keyed=self._keyed,
            cut=self._cut,
            flaw=flaw,
        )

    def _broken(self, block: AuditBlock) -> Flaw | None:
        number, previous, key = 1, b"", PLAIN
        if self._head is not None:
            number, previous, key = self._head.number + 1, self._head.hash, self._head.key
        elif self._cut is not None:
            number, previous = self._cut.block + 1, self._cut.previous
        if block.number > number:
            return Flaw(text=f"block {number} is missing", block=block.number)
        if block.number < number:
            return Flaw(text=f"block {block.number} is there, though it was taken away", block=block.number)
        if not compare_digest(block.previous, previous):
            return Flaw(text=f"block {number} does not follow the one before it", block=number)
        if block.key == PLAIN != key:
            return Flaw(text=f"block {number} is sealed without a key, behind one that has one", block=number)
        if not block.is_sound(self._keys):
            return Flaw(text=f"block {number} was changed", block=number)
        return None

    async def _changed(self, block: AuditBlock) -> Flaw | None:
        after = 0 if self._head is None else self._head.last
        entries = await self._trail.find(_EVERY, after=after, until=block.last, limit=block.count + 1)
        sealed = [block.digests[at : at + DIGEST_SIZE] for at in range(0, len(block.digests), DIGEST_SIZE)]
        for place, digest in enumerate(sealed):
            if place == len(entries):
                text = f"entries are missing at the end of block {block.number}, up to {block.last}"
                return Flaw(text=text, entry=block.last, block=block.number)
            if not compare_digest(self._keys.digest(block.key, entries[place].canonical), digest):
                return self._told_of(entries[place], block, sealed[place:])
        if len(entries) > len(sealed):
            extra = entries[-1].number
            return Flaw(text=f"entry {extra} was added to what is sealed", entry=extra, block=block.number)
        self._look_for_cut(entries)
        return None

    def _told_of(self, entry: AuditEntry, block: AuditBlock, left: Sequence[bytes]) -> Flaw:
        if self._keys.digest(block.key, entry.canonical) in left:
            text = f"an entry before entry {entry.number} is missing"
        else:
            text = f"entry {entry.number} was changed, or put in the place of another"
        return Flaw(text=text, entry=entry.number, block=block.number)

    async def _unsealed(self) -> int:
        count, after = 0, 0 if self._head is None else self._head.last
        while page := await self._trail.find(_EVERY, after=after, limit=_MOST):
            self._look_for_cut(page)
            count, after = count + len(page), page[-1].number
        return count

    def _look_for_cut(self, entries: Sequence[AuditEntry]) -> None:
        if self._cut is not None and any(map(self._cut.told_by, entries)):
            self._told = True
            self._told_under_key = self._keyed > 0

    def _beside(self) -> Flaw | None:
        """What is wrong though every block is right in itself."""
        cut = self._cut
        if cut is not None and self._head is None:
            return Flaw(text=f"block {cut.block + 1} is missing, and all behind it")
        if cut is not None and not self._told:
            return Flaw(text=f"blocks up to {cut.block} were taken away, and no entry tells of it")
        if cut is not None and cut.key == PLAIN and self._told_under_key:
            return Flaw(text=f"blocks up to {cut.block} were taken away by somebody without the key")
        if self._head is not None and self._keyed == 0 and self._keys.current != PLAIN:
            return Flaw(text=_NO_KEY)
        if not self._anchored:
            return Flaw(text=_NO_ANCHOR if cut is None else f"{_NO_ANCHOR}; or it was noted before block {cut.block}")
        return None


async def _blocks(trail: AuditTrail) -> AsyncIterator[AuditBlock]:
    after = 0
    while page := await trail.blocks(after=after, limit=_PAGE):
        for block in page:
            yield block
        after = page[-1].number


_NO_KEY: Final = (
    "no block is sealed under a key, though one is given: the chain was made anew, or nothing was sealed since the key"
    " is there"
)
_NO_ANCHOR: Final = "no block has the hash of the anchor: the end was cut off, or the chain was made anew"
