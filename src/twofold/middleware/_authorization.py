"""Refusing a message that its sender may not send, before it is looked at any further."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from twofold.dispatch import Guard, Handler, Injection, Next, Runner, Stage, Unmade, as_result, failure_of
from twofold.errors import Classifier, Forbidden, TimedOut, Unauthenticated, WiringError
from twofold.messages import EVENTS, Context, wire_name
from twofold.middleware._timeout import Within
from twofold.result import Failure, Result, Success


def authorization_stage(
    guards: Callable[[Handler], Sequence[Guard]],
    injection: Injection,
    classifier: Classifier,
    runner: Callable[[Handler], Runner | None],
    within: Within,
) -> Stage:
    """The stage, for handlers with policies.

    The first message of a request is decided about, and so is what a reaction sends that names a principal. What other
    handlers send is theirs to answer for, and passes unless a policy is asked always; what they send under an origin
    that they name, for another caller say, is a first message again. About a message that could not be made nobody is
    asked who would have to look at it.

    Args:
        guards: The policies of a handler.
        injection: Where policies get their dependencies.
        classifier: Tells refusals from bugs.
        runner: Where a `def` with a session runs.
        within: Ends what takes longer than the message may.
    """
    open_scope = injection.scope_stage()

    def asked(guard: Guard) -> Next:
        decide = _decision(guard, injection, classifier, runner(guard.policy))
        return open_scope.wrap(guard.policy, decide) or decide

    def wrap(handler: Handler, call_next: Next) -> Next | None:
        declared = guards(handler)
        everyone = [asked(guard) for guard in declared]
        inside = [ask for guard, ask in zip(declared, everyone, strict=True) if guard.always]

        async def authorization(message: Any, context: Context) -> Result[Any, Any]:
            try:
                with within(context.deadline):
                    for ask in inside if _answered_for(context) else everyone:
                        verdict = await ask(message, context)
                        if verdict.is_failure:
                            return verdict
            except TimedOut as error:
                return Failure(error)
            return await call_next(message, context)

        return authorization if everyone else None

    return Stage("authorization", wrap)


def _answered_for(context: Context) -> bool:
    """Whether a message is sent by a handler, for which whoever sent that one its message was decided about."""
    parent = context.parent
    if parent is None or context.origin is not parent.origin:
        return False
    # Nobody has decided about an event; it is the only first message with a principal that came through no door.
    return parent.parent is not None or parent.origin.source != EVENTS or parent.origin.principal is None


def _decision(guard: Guard, injection: Injection, classifier: Classifier, runner: Runner | None) -> Next:
    """One policy as a call: a Success when the message may pass."""
    binding = injection.binding(guard.policy)
    function, name = guard.policy.target, wire_name(guard.policy.message_type).name
    context_parameter, principal_parameter = guard.policy.context_parameter, guard.principal_parameter

    async def decide(message: Any, context: Context) -> Result[Any, Any]:
        principal = context.principal
        if principal is None and guard.needs_principal:
            return _refusal(name, context)
        if guard.takes_message and isinstance(message, Unmade):
            return Success()
        try:
            arguments: Mapping[str, Any] = (await binding.bind()) if binding.waits else binding.bind()
            if principal_parameter is not None:
                arguments = {**arguments, principal_parameter: principal}
            if context_parameter is not None:
                arguments = {**arguments, context_parameter: context}
            call = partial(function, *([message] if guard.takes_message else []), **arguments)
            answer: Any = call() if runner is None else runner(call)
            if inspect.isawaitable(answer):
                answer = await answer
        except Exception as error:  # noqa: BLE001  # the classifier tells failures from bugs, and raises those
            return failure_of(error, classifier)
        if answer is None and guard.says_bool:
            raise _mistake(guard.policy.id, answer)
        return _verdict(answer, guard.policy.id, name, context)

    return decide


def _verdict(answer: Any, policy: str, name: str, context: Context) -> Result[Any, Any]:
    """What a policy has said; whatever is neither yes nor no lets nobody pass."""
    result = as_result(answer, policy, "policy")
    if isinstance(result, Failure) or result.value is None or result.value is True:
        return result
    if result.value is False:
        return _refusal(name, context)
    raise _mistake(policy, answer)


def _mistake(policy: str, answer: object) -> WiringError:
    return WiringError(f"the policy {policy} answered {answer!r:.40}: it answers a bool, None, or a Result of these")


def _refusal(name: str, context: Context) -> Failure[Any]:
    if context.principal is None:
        how = "say who you are" if context.user_id is None else "principal= says who you are, user_id= notes it alone"
        return Failure(Unauthenticated(f"{name} is not for everybody: {how}"))
    return Failure(Forbidden(f"{name} is not allowed"))
