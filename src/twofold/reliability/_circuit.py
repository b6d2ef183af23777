"""The built-in circuit breaker (M. Nygard, Release It!, "Circuit Breaker"): three states, and tickets.

A ticket belongs to the state that it was given in, so the late outcome of a call that began before the state changed
is not taken for an outcome of the new one. All closed calls share one ticket; each probe has one of its own. For one
event loop: nothing here awaits, so nothing comes in between.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias, final

from twofold.clock import Clock, SystemClock
from twofold.errors import CircuitOpen
from twofold.reliability._breaker import CircuitBreaker, State, StateChange
from twofold.reliability._per_type import PerType
from twofold.reliability._shares import Shares

Listener: TypeAlias = Callable[[StateChange], None]
"""Told of every change of state, after it; what it raises goes to whoever made the call that changed it."""

_NOBODY: Final = 0


@final
class Circuit:
    """One breaker.

    A probe that is cancelled gives its place back, and one that is never told of loses it after `open_for` seconds.

    Args:
        name: What it is called in errors and changes.
        settings: When it opens and closes.
        clock: Where the time comes from.
        listeners: Told of every change of state.
    """

    __slots__ = (
        "_clock", "_closed", "_failures", "_listeners", "_name", "_passed", "_probes", "_serial", "_settings",
        "_shares", "_state", "_until",
    )  # fmt: skip

    def __init__(self, name: str, settings: CircuitBreaker, clock: Clock, listeners: Sequence[Listener] = ()) -> None:
        self._name, self._settings, self._clock, self._listeners = name, settings, clock, listeners
        self._state = State.CLOSED
        self._serial = self._closed = 1
        """The last ticket given out, and that of calls since it closed."""
        self._failures = 0
        self._shares = self._new_shares()
        self._until = 0.0
        self._probes: dict[int, float] = {}
        """The probes under way, and when each began."""
        self._passed = 0

    @property
    def state(self) -> State:
        """Where it stands; it stays open until somebody calls after its time."""
        return self._state

    def admit(self) -> int:
        """Let a call through; see `Breaker`."""
        return self._closed or self._probe()

    def succeeded(self, ticket: int) -> None:
        """What stands behind has answered; see `Breaker`."""
        if ticket == self._closed:
            self._failures = 0
            if self._shares is not None:
                self._shares.note(self._clock.monotonic(), failed=False)
        elif self._probes.pop(ticket, None) is not None:
            self._passed += 1
            if self._passed >= self._settings.probes:
                self._close()

    def failed(self, ticket: int) -> None:
        """The call ended in an error that counts; see `Breaker`."""
        if ticket == self._closed:
            self._failures += 1
            if self._is_too_much():
                self._open()
        elif self._probes.pop(ticket, None) is not None:
            self._open()

    def left(self, ticket: int) -> None:
        """The call says nothing of what stands behind; see `Breaker`."""
        self._probes.pop(ticket, None)

    def _is_too_much(self) -> bool:
        settings = self._settings
        if self._shares is not None and settings.rate is not None:
            self._shares.note(self._clock.monotonic(), failed=True)
            if self._shares.reach(settings.rate, settings.minimum):
                return True
        return settings.failures is not None and self._failures >= settings.failures

    def _probe(self) -> int:
        now, settings = self._clock.monotonic(), self._settings
        if self._state is State.OPEN:
            if now < self._until:
                raise CircuitOpen(name=self._name, retry_after=self._until - now)
            self._passed = 0
            self._move(State.HALF_OPEN)
        for lost in [ticket for ticket, began in self._probes.items() if began + settings.open_for <= now]:
            del self._probes[lost]
        if self._passed + len(self._probes) >= settings.probes:
            raise CircuitOpen(name=self._name, retry_after=min(1.0, settings.open_for))
        self._serial += 1
        self._probes[self._serial] = now
        return self._serial

    def _open(self) -> None:
        self._closed = _NOBODY
        self._probes.clear()
        self._until = self._clock.monotonic() + self._settings.open_for
        self._move(State.OPEN)

    def _close(self) -> None:
        self._serial += 1
        self._closed = self._serial
        self._failures = 0
        self._shares = self._new_shares()
        self._move(State.CLOSED)

    def _new_shares(self) -> Shares | None:
        return None if self._settings.rate is None else Shares(self._settings.window)

    def _move(self, after: State) -> None:
        before, self._state = self._state, after
        for listener in self._listeners:
            listener(StateChange(breaker=self._name, before=before, after=after))


@final
class LocalBreakers:
    """The breakers of this process: one for each message type, or one for all that share a name.

    Args:
        settings: The settings of a message type; a dict's `get` will do.
        clock: Where the time comes from.
        listeners: Told of every change of state of each of them.
    """

    __slots__ = ("_kept",)

    def __init__(
        self,
        settings: Callable[[type], CircuitBreaker | None],
        *,
        clock: Clock = SystemClock(),
        listeners: Sequence[Listener] = (),
    ) -> None:
        self._kept = PerType(
            "circuit breaker", settings, lambda name, settings: Circuit(name, settings, clock, listeners)
        )

    def of(self, message_type: type) -> Circuit:
        """The breaker of a message type; see `Breakers`."""
        return self._kept.of(message_type)
