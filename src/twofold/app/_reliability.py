"""Reliability in the pipelines of an application: which stages there are, and where their machines come from.

The machines are dependencies like any other: a team provides its own, and a test says `app.override(Breakers, fake)`.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Final, final

from dishka import Provider, Scope

from twofold.app._policies import Settings
from twofold.clock import Clock
from twofold.dispatch import Handler, Stage
from twofold.errors import Classifier, Fault
from twofold.messages import wire_name
from twofold.middleware import (
    Joined,
    Level,
    Lines,
    Tally,
    Within,
    breaker_stage,
    bulkhead_stage,
    deadline_stage,
    rate_limit_stage,
    retry_stage,
    timeout_stage,
)
from twofold.reliability import (
    MEMORY,
    STORE_OF_LIMITS,
    BackoffRetries,
    Breakers,
    Bulkheads,
    Deadlines,
    Limiters,
    Listener,
    LocalBreakers,
    LocalBulkheads,
    RateLimit,
    Retries,
    State,
    StateChange,
    Timeouts,
    WindowLimiters,
)

_LOGGER: Final = logging.getLogger("twofold.breaker")
_SETTINGS: Final = logging.getLogger("twofold.settings")
MACHINES: Final[Mapping[str, type[Any]]] = {
    "rate_limit": Limiters,
    "bulkhead": Bulkheads,
    "circuit_breaker": Breakers,
    "timeout": Timeouts,
    "retry": Retries,
}
"""What does the work of each part, as it is asked for."""
_SHOWN: Final = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityStages:
    """The stages, by the places that they have.

    Args:
        first: Before anything is asked.
        refusing: Before anything is done.
        around: Around each attempt to handle it.
        within: A block that ends at a deadline.
    """

    first: tuple[Stage, ...]
    refusing: tuple[Stage, ...]
    around: tuple[Stage, ...]
    within: Within


@final
class ReliabilityParts:
    """What is set for the handlers of an application, as stages and as dependencies.

    Args:
        found: What is set for each handler.
        clock: Tells the time.
        classifier: Tells what an error means.
        tally: Counts what the stages do.
        level: Is told of the states of breakers.
        circuits: Is told of their changes; None for nobody.
    """

    def __init__(
        self,
        found: Mapping[Handler, Settings],
        *,
        clock: Clock,
        classifier: Classifier,
        tally: Tally,
        level: Level,
        circuits: Listener | None = None,
    ) -> None:
        self._found = dict(found)
        self._clock = clock
        self._classifier = classifier
        self._tally = tally
        self._level = level
        self._circuits = circuits
        self._timeouts: Timeouts = Deadlines(clock)
        self._bulkheads: LocalBulkheads | None = None

    def settings(self, handler: Handler) -> Settings:
        """What is set for a handler, and where."""
        return self._found.get(handler, {})

    def timeout(self, handler: Handler) -> float | None:
        """How long a handler's message may take, in seconds; None for any time."""
        timeout = self._of("timeout")(handler)
        return None if timeout is None else float(timeout.seconds)

    @property
    def passed_over(self) -> Mapping[str, Sequence[str]]:
        """Variables of the environment that do not reach some messages, and where something nearer to those says so."""
        told: dict[str, set[str]] = {}
        for setting in (one for settings in self._found.values() for one in settings.values() if one.instead_of):
            told.setdefault(setting.instead_of, set()).add(setting.source)
        return {variable: sorted(sources) for variable, sources in told.items()}

    def tell_passed_over(self) -> None:
        """Log them: whoever set one to end a trouble has to know where it ends nothing."""
        for variable, sources in self.passed_over.items():
            _SETTINGS.warning("%s does not reach what is set nearer: %s", variable, ", ".join(sources))

    @property
    def queued(self) -> Mapping[str, int]:
        """How many messages wait in front of a bulkhead, by its name; of the built-in ones."""
        return {} if self._bulkheads is None else self._bulkheads.queued

    def provider(self) -> Provider:
        """The machines, which live as long as the application."""
        provider = Provider(scope=Scope.APP)
        clock, classifier = self._clock, self._classifier

        def timeouts() -> Timeouts:
            return Deadlines(clock)

        async def limiters() -> AsyncIterator[Limiters]:
            if any(limit.store != MEMORY for limit in self._all("rate_limit")):
                self._show(STORE_OF_LIMITS, State.CLOSED)
            made = WindowLimiters(self._by_type("rate_limit"), clock=clock, listeners=[self._changed])
            yield made
            await made.close()

        def breakers() -> Breakers:
            for settings in self._all("circuit_breaker"):
                self._show(settings.name, State.CLOSED)
            return LocalBreakers(self._by_type("circuit_breaker"), clock=clock, listeners=[self._changed])

        def bulkheads(timeouts: Timeouts) -> Bulkheads:
            self._bulkheads = LocalBulkheads(self._by_type("bulkhead"), timeouts=timeouts)
            return self._bulkheads

        def retries() -> Retries:
            return BackoffRetries(self._by_type("retry"), clock=clock, classifier=classifier)

        for source in (timeouts, limiters, breakers, bulkheads, retries):
            provider.provide(source)
        return provider

    def keep_to_what_can_end(self, ends: Callable[[Handler], bool]) -> list[Fault]:
        """Take timeouts from handlers that nobody can end; it is a fault where one is set for its message alone.

        Args:
            ends: Whether a handler awaits, or runs in a thread.
        """
        faults: list[Fault] = []
        for handler, settings in self._found.items():
            timeout = settings.get("timeout")
            if timeout is None or timeout.value is None or ends(handler):
                continue
            if timeout.is_own:
                text = f"has a timeout ({timeout.source}), and is a def in the event loop, which nothing can end"
                hint = "say blocking=True, make it async def, or leave timeout= out"
                faults.append(Fault(where=handler.id, code="endless", text=text, hint=hint))
            self._found[handler] = {name: one for name, one in settings.items() if name != "timeout"}
        return faults

    async def prepare(self, get: Callable[[type[Any]], Awaitable[Any]]) -> None:
        """Make what has to be there before the first message: what ends work, breakers to show, packages of extras.

        Args:
            get: Gives a dependency.

        Raises:
            MissingExtraError: One is.
        """
        self._timeouts = await get(Timeouts)
        for part in ("rate_limit", "circuit_breaker", "retry"):
            for handler in filter(self._of(part), self._found):
                (await get(MACHINES[part])).of(handler.message_type)

    def stages(self, get: Callable[[type[Any]], Awaitable[Any]], joined: Joined, lines: Lines) -> ReliabilityStages:
        """The stages.

        Args:
            get: Gives a dependency, once the application runs.
            joined: Whether a message is a part of another one.
            lines: Where commands wait that were overtaken.
        """
        timeouts = self._of("timeout")
        return ReliabilityStages(
            first=(deadline_stage(timeouts, self._clock),),
            refusing=(rate_limit_stage(self._of("rate_limit"), lambda: get(Limiters)),),
            around=(
                bulkhead_stage(self._of("bulkhead"), lambda: get(Bulkheads)),
                breaker_stage(self._of("circuit_breaker"), lambda: get(Breakers), self._classifier),
                timeout_stage(timeouts, self.within),
                retry_stage(self._of("retry"), lambda: get(Retries), joined, self._tally, lines),
            ),
            within=self.within,
        )

    def within(self, deadline: float | None) -> AbstractContextManager[None]:
        """A block that ends at a deadline; see `Timeouts`.

        Args:
            deadline: A moment of the monotonic clock; None for none.
        """
        return self._timeouts.within(deadline)

    def _of(self, part: str) -> Callable[[Handler], Any]:
        def value(handler: Handler) -> Any:
            setting = self.settings(handler).get(part)
            return None if setting is None else setting.value

        return value

    def _by_type(self, part: str) -> Callable[[type], Any]:
        return {handler.message_type: _named(self._of(part)(handler), handler) for handler in self._found}.get

    def _all(self, part: str) -> list[Any]:
        return [_named(said, handler) for handler in self._found if (said := self._of(part)(handler)) is not None]

    def _show(self, breaker: str, state: State) -> None:
        self._level("breaker_state", breaker, _SHOWN[state])

    def _changed(self, change: StateChange) -> None:
        level = logging.WARNING if change.after is State.OPEN else logging.INFO
        _LOGGER.log(level, "circuit breaker %s is %s", change.breaker, change.after.replace("_", " "))
        self._show(change.breaker, change.after)
        if change.after is State.OPEN:
            self._tally("circuits_opened", change.breaker)
        if self._circuits is not None:
            try:
                self._circuits(change)
            except Exception:
                _LOGGER.exception("who listens to circuit breakers failed over %s", change.breaker)


def _named(settings: Any, handler: Handler) -> Any:
    """Settings under the name that people know: of its message, unless several share them.

    Limits that are counted in Redis stay apart from those of other applications, by where their message is in Python.
    """
    known = getattr(settings, "name", "no name") is not None
    if known or (isinstance(settings, RateLimit) and settings.store != MEMORY):
        return settings
    return replace(settings, name=wire_name(handler.message_type).name)
