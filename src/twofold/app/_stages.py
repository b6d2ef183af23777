"""The built-in stages of every pipeline of an application, in their order, outermost first."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from twofold.app._own_writes import Visible, own_writes_stage
from twofold.app._stores import Stores
from twofold.clock import Clock
from twofold.dispatch import Handler, Injection, Module, Policies, Runner, Settings
from twofold.errors import Classifier, Fault
from twofold.messages import Catalogue
from twofold.middleware import (
    Meter,
    Tally,
    conflicts_stage,
    fallback_stage,
    logging_stage,
    metrics_stage,
    tally_of,
    validation_stage,
)
from twofold.projections import Projection
from twofold.store import UnitFactory, audit_stage, current_unit, read_only_stage, transaction_stage

if TYPE_CHECKING:
    from twofold.app._reliability import ReliabilityParts

_NAMES: Final = frozenset(Policies.__annotations__)
_VARIABLE: Final = re.compile(rf"TWOFOLD_(\w+?__)?({'|'.join(_NAMES)})(_\w+)?", re.IGNORECASE)


def reliability_of(
    policies: Mapping[str, Any],
    modules: Sequence[Module],
    handlers: Sequence[Handler],
    faults: list[Fault],
    *,
    clock: Clock,
    classifier: Classifier,
    tally: Tally,
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
    """
    said = [policies, *(module.policies for module in modules), *(handler.options for handler in handlers)]
    environment = {name: text for name, text in os.environ.items() if _VARIABLE.fullmatch(name)}
    if not environment and not any(_NAMES.intersection(one) for one in said):
        return None
    from twofold.app._policies import policies_of  # noqa: PLC0415 - most applications do without
    from twofold.app._reliability import ReliabilityParts  # noqa: PLC0415 - the same

    found, mistakes = policies_of(policies, modules, handlers, environment)
    faults += mistakes
    return ReliabilityParts(found, clock=clock, classifier=classifier, tally=tally)


def pipeline_of(
    *,
    injection: Injection,
    catalogue: Catalogue,
    classifier: Classifier,
    meter: Meter | None,
    stores: Stores,
    projections: Sequence[Projection],
    new_unit: UnitFactory,
    visible: Visible,
    runner: Callable[[Handler], Runner | None] | None,
    reliability: "ReliabilityParts | None",
    audit: bool,
) -> Settings:
    """What the pipelines are made of.

    Args:
        injection: Where handlers get their dependencies.
        catalogue: The messages.
        classifier: Tells what an error means.
        meter: Keeps the numbers; None for nobody.
        stores: Where the application keeps what it has.
        projections: Its projections.
        new_unit: Makes units of work.
        visible: Waits until projections show what has been written.
        runner: Where a `def` handler with a session runs; None where there are no sessions.
        reliability: What is set of reliability.
        audit: Whether commands leave entries in the audit trail.
    """
    tally = tally_of(meter)

    def joined() -> bool:
        return current_unit(catalogue) is not None

    parts = None if reliability is None else reliability.stages(injection.services.get, joined)
    says_retry = (lambda _: False) if reliability is None else reliability.says("retry")
    settings = Settings(
        before=(
            logging_stage(classifier),
            *([] if meter is None else [metrics_stage(meter, classifier)]),
            *([audit_stage(stores.write, catalogue, classifier)] if audit else []),
            *([] if parts is None else parts.first),
        ),
        between=(
            *([] if parts is None else parts.refusing),
            validation_stage(catalogue),
            fallback_stage(classifier, tally),
            own_writes_stage(projections, visible, classifier, copied=stores.copies is not None),
            *([] if parts is None else parts.around),
            conflicts_stage(says_retry, joined, tally),
            injection.scope_stage(),
            transaction_stage(new_unit, catalogue, classifier),
            read_only_stage(),
        ),
        injection=injection,
        classifier=classifier,
    )
    if runner is not None:
        settings.runner = runner
    return settings
