"""The built-in stages of every pipeline of an application, in their order, outermost first."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final

from twofold.app._authorization import Authorization
from twofold.app._environment import other_variables
from twofold.app._own_writes import own_writes_stage
from twofold.app._said import Running, Watching
from twofold.app._stores import Stores
from twofold.clock import Clock
from twofold.dispatch import Handler, Idempotency, Injection, Module, Policies, Runner, Settings, Stage
from twofold.errors import Classifier, Fault
from twofold.messages import Catalogue
from twofold.middleware import (
    Level,
    Lines,
    Tally,
    Within,
    authorization_stage,
    conflicts_stage,
    deprecation_stage,
    fallback_stage,
    logging_stage,
    metrics_stage,
    tally_of,
    tracing_stage,
    validation_stage,
)
from twofold.store import (
    Behind,
    Refusals,
    audit_stage,
    claim_stage,
    conclusion_stage,
    current_unit,
    idempotency_stage,
    lifecycle_stage,
    read_only_stage,
    transaction_stage,
)

if TYPE_CHECKING:
    from twofold.app._caching import Caching
    from twofold.app._reliability import ReliabilityParts
    from twofold.reliability import Listener

_NAMES: Final = frozenset(Policies.__annotations__)


def reliability_of(
    policies: Mapping[str, Any],
    modules: Sequence[Module],
    handlers: Sequence[Handler],
    faults: list[Fault],
    *,
    clock: Clock,
    classifier: Classifier,
    tally: Tally,
    level: Level,
    circuits: "Listener | None",
) -> "ReliabilityParts | None":
    """What is set of reliability; None, and its room is not even loaded, when nothing is.

    Args:
        policies: What the application says.
        modules: Its modules.
        handlers: Their handlers.
        faults: Where mistakes are noted.
        clock: Tells the time.
        classifier: Tells what an error means.
        tally: Counts what the stages do.
        level: Is told of the states of breakers.
        circuits: Is told of their changes; None for nobody.
    """
    said = [policies, *(module.policies for module in modules), *(handler.options for handler in handlers)]
    environment = other_variables()
    if not environment and not any(_NAMES.intersection(one) for one in said):
        return None
    from twofold.app._policies import policies_of  # noqa: PLC0415  # most applications do without
    from twofold.app._reliability import ReliabilityParts  # noqa: PLC0415  # the same

    found, mistakes = policies_of(policies, modules, handlers, environment)
    faults += mistakes
    return ReliabilityParts(found, clock=clock, classifier=classifier, tally=tally, level=level, circuits=circuits)


def caching_of(
    handlers: Sequence[Handler],
    catalogue: Catalogue,
    followed: Sequence[str],
    faults: list[Fault],
    *,
    clock: Clock,
    space: str,
) -> "Caching | None":
    """What keeps answers of queries; None, and its room is not even loaded, when no handler says `cache`.

    Args:
        handlers: The handlers.
        catalogue: The messages.
        followed: What they may read that follows the log.
        faults: Where mistakes are noted.
        clock: Tells the time.
        space: What its keys begin with where applications share a place.
    """
    if not any("cache" in handler.options for handler in handlers):
        return None
    from twofold.app._caching import Caching  # noqa: PLC0415  # most applications do without

    return Caching(handlers, catalogue, followed, faults, clock=clock, space=space)


def pipeline_of(
    *,
    injection: Injection,
    catalogue: Catalogue,
    classifier: Classifier,
    watching: Watching,
    running: Running,
    stores: Stores,
    followed: Sequence[str],
    runner: Callable[[Handler], Runner | None] | None,
    reliability: "ReliabilityParts | None",
    authorization: Authorization,
    caching: "Caching | None",
    idempotency: Callable[[Handler], Idempotency | None],
    refusals: Refusals | None,
    behind: Behind,
    not_live: Stage,
) -> Settings:
    """What the pipelines are made of.

    Args:
        injection: Where handlers get their dependencies.
        catalogue: The messages.
        classifier: Tells what an error means.
        watching: Who is told of messages.
        running: What stages ask of the application.
        stores: Where the application keeps what it has.
        followed: What a query may wait for.
        runner: Where a `def` handler with a session runs; None where there are no sessions.
        reliability: What is set of reliability.
        authorization: Who may send which message.
        caching: What keeps answers of queries.
        idempotency: What is said of a handler's commands with a key.
        refusals: Counts what limits refuse, for the audit trail; None when commands leave no entries in it.
        behind: Writes what answers need not wait for.
        not_live: Answers queries of what is not live.
    """
    meter, spans, new_unit, seen = watching.meter, watching.spans, running.new_unit, running.seen
    tally, lines = tally_of(meter), Lines()

    def joined() -> bool:
        return current_unit(catalogue) is not None

    parts = None if reliability is None else reliability.stages(injection.services.get, joined, lines)

    def says_retry(handler: Handler) -> bool:
        return reliability is not None and "retry" in reliability.settings(handler)

    within: Within = (lambda _: nullcontext()) if parts is None else parts.within
    authorizing = authorization_stage(authorization.guards, injection, classifier, runner or (lambda _: None), within)
    cached = None if caching is None else caching.stage(injection.services.get, seen, classifier, joined, tally, within)
    refusing = (authorizing,) if parts is None else (*parts.refusing, authorizing)
    settings = Settings(
        before=(
            *([] if spans is None else [tracing_stage(spans, classifier)]),
            logging_stage(classifier),
            *([] if meter is None else [metrics_stage(meter, classifier), deprecation_stage(tally)]),
            *([] if refusals is None else [audit_stage(stores.write, catalogue, classifier, refusals, behind)]),
            *([] if parts is None else parts.first),
        ),
        between=(
            *refusing,
            validation_stage(catalogue),
            idempotency_stage(idempotency, stores.write, catalogue, classifier, tally, within),
            lifecycle_stage(new_unit, catalogue, classifier, behind),
            *([] if cached is None else [cached]),
            fallback_stage(classifier, tally, within),
            own_writes_stage(followed, running.visible, classifier, copied=stores.copies is not None),
            not_live,
            *([] if parts is None else parts.around),
            conflicts_stage(says_retry, joined, tally, lines),
            injection.scope_stage(),
            transaction_stage(new_unit, catalogue, classifier),
            claim_stage(idempotency, catalogue),
            conclusion_stage(catalogue),
            read_only_stage(),
        ),
        refusing=refusing,
        injection=injection,
        classifier=classifier,
    )
    if runner is not None:
        settings.runner = runner
    return settings
