"""A batch as one call of a function in the database, and its answer.

Everything is encoded before a connection is taken, so a call may be sent again. Row changes are not part of it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import asyncpg

from twofold.drivers.postgres._audit import entries_as_json
from twofold.drivers.postgres._closings import not_at
from twofold.drivers.postgres._connection import Connection
from twofold.drivers.postgres._faults import state_of
from twofold.drivers.postgres._names import Names
from twofold.drivers.postgres._parked import REPARK, as_json, reparking
from twofold.drivers.postgres._replies import KEEP, KEEP_RECEIVED, keeping, keeping_received
from twofold.drivers.postgres._snapshots import KEEP_SNAPSHOTS, keeping_snapshots
from twofold.errors import AlreadyReceived, CheckpointMoved, ConditionFailed, Conflict, StreamClosed
from twofold.store import Append, Batch, Committed, Draft, Move, json_text


@dataclass(frozen=True, slots=True)
class Call:
    """One call that writes a batch.

    Args:
        batch: What it writes, for whoever has to look whether it did.
        query: The statement.
        values: Its parameters.
        short: Whether it is one event and nothing beside it, so that it can be sent together with others.
    """

    batch: Batch
    query: str
    values: tuple[Any, ...]
    short: bool = False

    async def send(self, connection: Connection, timeout: float | None = None) -> Committed:
        """Send it, in the transaction that is open or in one of its own.

        Args:
            connection: Where to send it.
            timeout: How long to wait for the answer, in seconds.

        Raises:
            VersionConflict: A stream is not where an append expects it.
            CheckpointMoved: A checkpoint is not where a move expects it.
            ConditionFailed: The log holds what a condition excludes.
            AlreadyReceived: A message of another service was dealt with before.
            StreamClosed: A stream is closed for good.
        """
        try:
            answer: Sequence[int] = await connection.fetchval(self.query, *self.values, timeout=timeout)
        except asyncpg.PostgresError as error:
            if self.batch.received and getattr(error, "constraint_name", None) == _KEY_OF_RECEIVED:
                raise AlreadyReceived from error
            if state_of(error) != _CONFLICT_AFTER_A_WRITE:
                raise
            answer = json.loads(f"[{str(error).strip('{}')}]")
        if answer[0] < 0:
            raise _conflict(self.batch, answer)
        versions = {one.stream: version for one, version in zip(self.batch.appends, answer[1:], strict=True)}
        return Committed(answer[0], versions)


async def send_each(
    connection: Connection, query: str, calls: Sequence[Call], timeout: float
) -> list[Committed | Conflict | StreamClosed]:
    """Send short calls in one transaction of their own. A refusal writes nothing, and is the answer to its call alone.

    Args:
        connection: Where to send them.
        query: The statement for many of them.
        calls: The calls.
        timeout: How long to wait for the answer, in seconds.
    """
    *columns, tagged, entries = zip(*(call.values for call in calls), strict=True)
    tags = [(tag, nth) for nth, names in enumerate(tagged, 1) for tag in names or ()]
    names, places = zip(*tags, strict=True) if tags else (None, None)
    position, *versions = await connection.fetchval(query, *columns, names, places, entries, timeout=timeout)
    answers: list[Committed | Conflict | StreamClosed] = []
    for call, version in zip(calls, versions, strict=True):
        if version < 0:
            answers.append(_conflict(call.batch, (_VERSION, 0, -1 - version)))
            continue
        answers.append(Committed(position, {call.batch.appends[0].stream: version}))
        position += 1
    return answers


@dataclass(frozen=True, slots=True)
class Calls:
    """Makes calls for the log of one schema."""

    append: str
    commit: str
    commit_entries: str
    keep: str
    keep_snapshots: str
    keep_received: str
    repark: str

    def of(self, batch: Batch) -> Call:
        """The call that writes a batch."""
        call = self._log(batch)
        if batch.reply is None and not batch.snapshots and not batch.received and not batch.reparks:
            return call
        query, values = call.query, call.values
        if batch.reparks:
            query, values = reparking(query, values, batch.reparks, self.repark)
        if batch.snapshots:
            query, values = keeping_snapshots(query, values, batch.snapshots, self.keep_snapshots)
        if batch.reply is not None:
            query, values = keeping(query, values, batch.reply, self.keep)
        if batch.received:
            query, values = keeping_received(query, values, batch.received, self.keep_received)
        return replace(call, query=query, values=values, short=False)

    def _log(self, batch: Batch) -> Call:
        appends = batch.appends
        if not appends and not _others(batch):
            return Call(batch, self.commit_entries, (entries_as_json(batch.audit),))
        if len(appends) == 1 and len(appends[0].events) == 1 and not _others(batch):
            return Call(batch, self.append, (*_one_event(appends[0]), entries_as_json(batch.audit)), short=True)
        return Call(batch, self.commit, _everything(batch))


def calls(names: Names) -> Calls:
    """What makes calls for a log."""
    return Calls(*map(names.sql, (_APPEND, _COMMIT, _COMMIT_ENTRIES, KEEP, KEEP_SNAPSHOTS, KEEP_RECEIVED, REPARK)))


def _one_event(append: Append) -> tuple[Any, ...]:
    (draft,) = append.events
    tags = list(dict.fromkeys(draft.tags)) if draft.tags else None
    return append.stream, append.expected, *_event(draft), tags


def _everything(batch: Batch) -> tuple[Any, ...]:
    drafts = [draft for append in batch.appends for draft in append.events]
    tags = [(tag, nth) for nth, draft in enumerate(drafts, 1) for tag in dict.fromkeys(draft.tags)]
    columns = zip(*map(_event, drafts), strict=True) if drafts else [()] * _COLUMNS
    others = _others(batch)
    return (
        [append.stream for append in batch.appends],
        [append.expected for append in batch.appends],
        [len(append.events) for append in batch.appends],
        *columns,
        [tag for tag, _ in tags] if tags else None,
        [nth for _, nth in tags] if tags else None,
        json_text(others) if others else None,
        entries_as_json(batch.audit),
    )


def _event(draft: Draft) -> tuple[Any, ...]:
    return (
        draft.id,
        draft.type,
        draft.schema_version,
        draft.data,
        json_text(dict(draft.headers)) if draft.headers else "{}",
        draft.time,
        json_text(draft.tags) if draft.tags else "[]",
    )


def _others(batch: Batch) -> dict[str, Any]:
    others: dict[str, Any] = {}
    if batch.conditions:
        others["clauses"] = [
            {
                "condition": nth,
                "after": condition.after,
                "types": None if one.types is None else sorted(one.types),
                "tags": sorted(one.tags),
                **({"seen": [*condition.seen]} if condition.seen else {}),
            }
            for nth, condition in enumerate(batch.conditions)
            for one in condition.selections
        ]
    if batch.moves:
        others["moves"] = [_move(one) for one in batch.moves]
    if batch.parks:
        parks = {(one.subscription, one.position): one for one in batch.parks}
        others["parks"] = [as_json(one) for one in parks.values()]
    if batch.frees:
        others["frees"] = [{"subscription": name, "position": position} for name, position in batch.frees]
    return others


def _move(move: Move) -> dict[str, Any]:
    at = {"position": move.position, "expected": move.expected}
    return {"name": move.name, **at, "token": move.token, "epoch": move.epoch, "version": move.version}


def _conflict(batch: Batch, answer: Sequence[int]) -> Conflict | StreamClosed:
    kind, nth, *found = answer
    if kind == _VERSION:
        append = batch.appends[nth]
        return not_at(append.stream, append.expected, found[0])
    if kind == _CONDITION:
        return ConditionFailed(after=batch.conditions[nth].after, position=found[0])
    position, token, version = found
    move = batch.moves[nth]
    if move.token not in (None, token):
        return CheckpointMoved(name=move.name, text=f"has token {token}, not {move.token}")
    if move.version not in (0, version):
        return CheckpointMoved(name=move.name, text=f"has version {version}, not {move.version}")
    return CheckpointMoved(name=move.name, text=f"stands at {position}, not at {move.expected}")


_COLUMNS: Final = 7
_VERSION, _CONDITION = -1, -2
_KEY_OF_RECEIVED: Final = "twofold_replies_pkey"
_CONFLICT_AFTER_A_WRITE: Final = "TF001"
_APPEND: Final = "SELECT {schema}.twofold_append_audited($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
_COMMIT: Final = "SELECT {schema}.twofold_commit_audited($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
_COMMIT_ENTRIES: Final = "SELECT {schema}.twofold_commit_entries($1)"
