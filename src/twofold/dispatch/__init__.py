"""From a message to its handler: modules, handlers, dependencies, the compiled pipeline, and the buses."""

from twofold.dispatch._answer_codec import AnswerCodec, answer_proof
from twofold.dispatch._answers import (
    annotated_answer,
    answered_type,
    contradicts,
    declared_errors,
    promised_answer,
)
from twofold.dispatch._bus import CommandBus, EventBus, Publisher, QueryBus
from twofold.dispatch._consumption import ConsumptionDeclaration
from twofold.dispatch._decider import Decider, DeciderDeclaration, Outcome
from twofold.dispatch._dispatcher import Dispatcher
from twofold.dispatch._following import Following, Start
from twofold.dispatch._guard import Always, Authorize, Guard, Policy, always, has_role, public, signed_in
from twofold.dispatch._handler import Door, Handler
from twofold.dispatch._handlers import CommandHandler, EventHandler, HandlerConfig, QueryHandler, as_result
from twofold.dispatch._idempotency import Idempotency
from twofold.dispatch._inject import inject
from twofold.dispatch._injection import Injection
from twofold.dispatch._invoke import Runner
from twofold.dispatch._lifecycle import Filling, Lifecycle, State, filling
from twofold.dispatch._module import Module
from twofold.dispatch._named import classes_in, named_classes
from twofold.dispatch._options import APPLIES_TO, Options, Policies, options_of
from twofold.dispatch._pipeline import Middleware, Next, Place, Stage, Used, When, failure_of, stage_of
from twofold.dispatch._projection import Mode, ProjectionDeclaration, Switch
from twofold.dispatch._provider import Lifetime, giving
from twofold.dispatch._publication import PublicationDeclaration
from twofold.dispatch._registration import Registration
from twofold.dispatch._router import Route, Router, Settings
from twofold.dispatch._shape import is_async
from twofold.dispatch._signature import UNIONS, hints_of, refuse_impure
from twofold.dispatch._sync import Portal, SyncCommandBus, SyncDispatcher, SyncEventBus, SyncQueryBus, never_waits
from twofold.dispatch._tools import ContextStack, Metrics, Tools, bound_facts
from twofold.dispatch._unmade import Unmade
from twofold.dispatch._writer import WriterDeclaration

__all__ = [
    "APPLIES_TO",
    "Always",
    "Authorize",
    "AnswerCodec",
    "CommandBus",
    "CommandHandler",
    "ConsumptionDeclaration",
    "ContextStack",
    "Decider",
    "DeciderDeclaration",
    "Dispatcher",
    "Door",
    "EventBus",
    "EventHandler",
    "Filling",
    "Following",
    "Guard",
    "Handler",
    "HandlerConfig",
    "Idempotency",
    "Injection",
    "Lifecycle",
    "Lifetime",
    "Metrics",
    "Middleware",
    "Mode",
    "Module",
    "Next",
    "Place",
    "Policies",
    "Policy",
    "Options",
    "Outcome",
    "Portal",
    "ProjectionDeclaration",
    "PublicationDeclaration",
    "Publisher",
    "QueryBus",
    "QueryHandler",
    "Registration",
    "Route",
    "Router",
    "Runner",
    "Settings",
    "Stage",
    "Start",
    "State",
    "Switch",
    "SyncCommandBus",
    "SyncDispatcher",
    "SyncEventBus",
    "SyncQueryBus",
    "Tools",
    "UNIONS",
    "Unmade",
    "Used",
    "When",
    "WriterDeclaration",
    "always",
    "annotated_answer",
    "answer_proof",
    "answered_type",
    "declared_errors",
    "as_result",
    "bound_facts",
    "classes_in",
    "contradicts",
    "failure_of",
    "filling",
    "giving",
    "has_role",
    "hints_of",
    "inject",
    "is_async",
    "never_waits",
    "named_classes",
    "options_of",
    "promised_answer",
    "public",
    "refuse_impure",
    "signed_in",
    "stage_of",
]
