"""Policies: who may send a message, decided before anything is done about it.

A policy is a function of the message, of dependencies, or of both. It is read once, at start, into the record that a
handler is read into too, so that its dependencies are filled and proven in the same way.
"""

import inspect
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias, get_origin

from twofold.dispatch._handler import Handler
from twofold.dispatch._signature import (
    context_parameter_of,
    function_of,
    hints_of,
    messages_in,
    name_of,
    parameters_of,
    refuse_mistakes,
    short_name_of,
    takes,
    unbound_of,
    wanted_of,
)
from twofold.dispatch._tools import Tools
from twofold.errors import FaultError
from twofold.messages import Context, Kind, Principal

Policy: TypeAlias = Callable[..., Any]
"""Tells whether a message may be handled: by a bool, None for yes, or a Result; or it raises a refusal.

One that is annotated to answer a bool and answers None has forgotten to, and lets nobody pass.
"""

Authorize: TypeAlias = Policy | Sequence[Policy]
"""One policy, or several that are asked in this order until one says no."""

_PRINCIPAL: Final = (Principal, Principal | None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Guard:
    """One policy of one handler.

    Args:
        name: What the policy is called.
        policy: The policy, as a handler of the message; it answers whether the message may pass.
        takes_message: Whether its first parameter is the message.
        principal_parameter: The parameter that takes the `Principal`, when there is one.
        needs_principal: Whether it cannot do without one, so that nobody is refused before it is asked.
        says_bool: Whether its annotation says that it answers a bool, so that None is no yes: it forgot to answer.
        always: Whether it decides about what handlers and reactions send, too.
    """

    name: str
    policy: Handler
    takes_message: bool
    principal_parameter: str | None
    needs_principal: bool
    says_bool: bool
    always: bool = False

    @classmethod
    def of(cls, policy: Policy, handler: Handler) -> "Guard":
        """Read a policy off what a user declares.

        Args:
            policy: A function, a bound method, or an object that can be called.
            handler: The handler of the message that it decides about.

        Raises:
            FaultError: It cannot be understood, or decides about other messages.
        """
        if isinstance(policy, Always):
            inner = cls.of(policy.policy, handler)
            return replace(inner, name=f"always({inner.name})", always=True)
        if isinstance(policy, type) or not callable(policy):
            raise FaultError(
                where=handler.id,
                code="wrong_policy",
                text=f"says authorize={policy!r:.60}, which is no policy",
                hint="use a function, a list of functions, or twofold.public for everybody",
            )
        function, where = function_of(policy), name_of(policy)
        refuse_mistakes(function, where, blocking=False)
        hints, parameters = hints_of(function, where), parameters_of(function, unbound=False)
        if (get_origin(hints.get("return")) or hints.get("return")) is Callable:
            raise FaultError(
                where=handler.id,
                code="wrong_policy",
                text=f"says authorize={short_name_of(policy)}, which makes a policy and is none",
                hint=f"call it: authorize={short_name_of(policy)}(...)",
            )
        takes_message = bool(parameters) and _is_message(hints.get(parameters[0].name), handler.message_type, where)
        others = parameters[1:] if takes_message else parameters
        principal = next((one for one in others if hints.get(one.name) in _PRINCIPAL), None)
        wanted = wanted_of([one for one in others if one is not principal], hints, where)
        wanted = {name: hint for name, hint in wanted.items() if hint is not Context}
        name = short_name_of(policy)
        return cls(
            name=getattr(unbound_of(policy), "__name__", name),
            policy=Handler(
                id=where,
                name=name,
                kind=Kind.QUERY,
                message_type=handler.message_type,
                target=function,
                needs={name: hint for name, hint in wanted.items() if hint is not logging.Logger},
                called_with=tuple(wanted),
                context_parameter=context_parameter_of(others, hints),
                logger_parameters=tuple(name for name, hint in wanted.items() if hint is logging.Logger),
                is_async=inspect.iscoroutinefunction(function),
                module=handler.module,
                tools=Tools(name),
            ),
            takes_message=takes_message,
            principal_parameter=None if principal is None else principal.name,
            needs_principal=principal is not None and hints[principal.name] is Principal,
            says_bool=hints.get("return") is bool,
        )


@dataclass(frozen=True, slots=True)
class Always:
    """A policy that decides about what handlers and reactions send, too; see `always`."""

    policy: Policy

    def __call__(self, *arguments: Any, **filled: Any) -> Any:
        """Ask it."""
        return self.policy(*arguments, **filled)


def always(policy: Policy) -> Policy:
    """Have a policy decide about a message whoever sends it; otherwise what a handler sends is the handler's business.

    Args:
        policy: The policy. There is no principal in a reaction.
    """
    return Always(policy)


def public() -> bool:
    """The policy of what everybody may send."""
    return True


def signed_in(principal: Principal) -> bool:
    """The policy of what everybody may send whom a door knows."""
    return bool(principal.user_id)


def has_role(role: str) -> Policy:
    """The policy of what only those with a role may send.

    Args:
        role: One of `Principal.roles`.
    """

    def policy(principal: Principal) -> bool:
        return role in principal.roles

    policy.__name__ = policy.__qualname__ = f"has_role({role!r})"
    return policy


def _is_message(hint: Any, message_type: type, where: str) -> bool:
    """Whether a first parameter takes the message, and is no dependency.

    Raises:
        FaultError: It takes another message.
    """
    if takes(hint, message_type):
        return True
    if others := messages_in(hint):
        raise FaultError(
            where=where,
            code="wrong_policy",
            text=f"decides about {others}, and is asked about {message_type.__qualname__}",
            hint="declare it at the handlers of that message, or annotate it with a base class of both",
        )
    return False
