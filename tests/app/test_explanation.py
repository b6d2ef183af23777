"""What `explain` knows: how a handler runs, and who gives it what."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from dishka import Provider, Scope, decorate, provide
from sqlalchemy.orm import Session

from tests.app.clinic import FindBill, Pay, PaymentFailed, find_bill, pay
from twofold import App, Command, Lifecycle, Module, Principal
from twofold.app.explanation import Explanation, explain
from twofold.cache import Cache, Caches
from twofold.dispatch import Idempotency, Next
from twofold.errors import NotFound
from twofold.messages import Context, Kind
from twofold.reliability import Breakers, Bulkheads, Limiters, Retries
from twofold.result import Result


class Mail(Protocol):
    def send(self) -> None: ...


class Smtp:
    def send(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Notify(Command[None]):
    pass


def explained(handler: Callable[..., None], tmp_path: Path, module: Module, *, blocking: bool = False) -> Explanation:
    module.register(Notify, handler, blocking=blocking)
    return explain(App("post", modules=[module], database=tmp_path / "post.db"), "notify")


def giver(explanation: Explanation) -> tuple[str, str]:
    (handler,) = explanation.handlers
    (need,) = handler.needs
    return need.given_by, need.lives_as_long_as


@pytest.fixture
def module() -> Module:
    return Module("post")


def test_a_def_runs_in_the_event_loop(tmp_path: Path, module: Module) -> None:
    """A plain `def` runs where it is called."""

    def notify(command: Notify) -> None: ...

    assert explained(notify, tmp_path, module).handlers[0].runs == "in the event loop"


def test_a_blocking_def_runs_in_a_thread(tmp_path: Path, module: Module) -> None:
    """A `def` that says it blocks has a thread."""

    def notify(command: Notify) -> None: ...

    assert explained(notify, tmp_path, module, blocking=True).handlers[0].runs == "in a thread"


def test_a_def_with_a_session_runs_in_the_thread_of_the_store(tmp_path: Path, module: Module) -> None:
    """A `def` with a blocking session runs where the session lives."""

    def notify(command: Notify, session: Session) -> None: ...

    explanation = explained(notify, tmp_path, module)
    assert explanation.handlers[0].runs == "in the thread of the store"
    assert giver(explanation) == ("twofold", "message")


def test_a_class_is_named_with_its_module(tmp_path: Path, module: Module) -> None:
    """A dependency made of a class is given by that class of that module."""
    module.provide(Mail, Smtp, scope="app")

    def notify(command: Notify, mail: Mail) -> None: ...

    assert giver(explained(notify, tmp_path, module)) == ("Smtp of module post", "application")


def test_an_instance_is_named_by_its_class(tmp_path: Path, module: Module) -> None:
    """It has no name of its own."""
    module.provide(Mail, Smtp())

    def notify(command: Notify, mail: Mail) -> None: ...

    assert giver(explained(notify, tmp_path, module)) == ("Smtp of module post", "application")


def smtp() -> Smtp:
    return Smtp()


def test_a_function_is_named(tmp_path: Path, module: Module) -> None:
    """By itself, and not by where it lies in memory."""
    module.provide(Mail, smtp)

    def notify(command: Notify, mail: Mail) -> None: ...

    assert giver(explained(notify, tmp_path, module)) == ("smtp of module post", "message")


def test_a_dishka_provider_is_looked_into(tmp_path: Path, module: Module) -> None:
    """What an included provider gives is named like the rest."""
    provider = Provider(scope=Scope.REQUEST)
    provider.provide(Smtp, provides=Mail)
    module.include(provider)

    def notify(command: Notify, mail: Mail) -> None: ...

    assert giver(explained(notify, tmp_path, module)) == ("Smtp of module post", "message")


def test_an_override_wins(tmp_path: Path, module: Module) -> None:
    """What takes the place of a dependency is told as what is given."""
    module.provide(Mail, Smtp)

    def notify(command: Notify, mail: Mail) -> None: ...

    module.register(Notify, notify)
    app = App("post", modules=[module], database=tmp_path / "post.db")
    app.override(Mail, Smtp())
    assert giver(explain(app, "Notify")) == ("Smtp, an override", "application")


def settings_of(app: App, name: str) -> dict[str, tuple[str, str]]:
    """By the part, where each is set, and what does it."""
    (handler,) = explain(app, name).handlers
    return {one.part: (one.source.rpartition(".")[2], one.done_by) for one in handler.settings}


class Tolerant:
    """A breaker, or whatever else is asked for."""


class Wiring(Provider):
    """What a team has for all of its applications."""

    scope = Scope.APP

    @provide
    def limiters(self) -> Limiters:
        """Those of the team."""
        raise NotImplementedError

    @decorate
    def counted(self, bulkheads: Bulkheads) -> Bulkheads:
        """Those of twofold, counted."""
        raise NotImplementedError


def test_what_does_the_work_of_a_setting_is_named_where_it_is_not_twofold(module: Module) -> None:
    """Whether a module provides it, by what name ever, something stands around it, or it is overridden."""
    named, elsewhere = Provider(scope=Scope.APP), Provider(scope=Scope.APP, component="elsewhere")
    named.provide(Tolerant)
    named.alias(source=Tolerant, provides=Caches)
    elsewhere.provide(Tolerant, provides=Retries)
    for provider in (Wiring(), named, elsewhere):
        module.include(provider)
    module.register(Pay, pay)
    settings: Any = {"rate_limit": "5/second", "bulkhead": 2, "circuit_breaker": 3, "timeout": 1, "retry": 2}
    module.register(FindBill, find_bill, cache="1m", fallback=no_bill, **settings)
    app = App("post", modules=[module], database="memory:")
    app.override(Breakers, Tolerant())
    assert settings_of(app, "find_bill") == {
        "rate_limit": ("find_bill", "Wiring.limiters of module post"),
        "bulkhead": ("find_bill", "Wiring.counted of module post, around twofold"),
        "circuit_breaker": ("find_bill", "Tolerant, an override"),
        "timeout": ("find_bill", "twofold"),
        "retry": ("find_bill", "twofold"),
        "cache": ("find_bill", "Tolerant of module post"),
        "fallback": ("find_bill", "twofold"),
    }


def test_what_is_switched_off_is_done_by_nobody_else(module: Module) -> None:
    """Whatever is in its place."""
    module.register(Pay, pay)
    module.register(FindBill, find_bill, circuit_breaker=None)
    app = App("post", modules=[module], database="memory:", circuit_breaker=3)
    app.override(Breakers, Tolerant())
    assert settings_of(app, "find_bill") == {"circuit_breaker": ("find_bill", "twofold")}
    assert settings_of(app, "pay")["circuit_breaker"] == ("the application", "Tolerant, an override")


async def announce(message: Any, context: Context, call_next: Next) -> Result[Any, Any]:
    """Goes around everything."""
    return await call_next(message, context)


class Timed:
    """Goes around a handler."""

    async def __call__(self, message: Any, context: Context, call_next: Next) -> Result[Any, Any]:
        return await call_next(message, context)


def test_middleware_is_told_with_what_it_was_given_to(module: Module) -> None:
    """The application, or a bus of it, which wraps what that bus takes; and none that wraps others."""
    module.register(Pay, pay)
    module.register(FindBill, find_bill)
    app = App("post", modules=[module], database="memory:")
    app.commands.use(Timed(), at="inner")
    app.use(announce, when=Kind.COMMAND)
    app.dispatcher.use(announce, when=FindBill)

    def told(name: str) -> list[tuple[str, str]]:
        (handler,) = explain(app, name).handlers
        used = [(one.value, one.source) for one in handler.settings if one.part == "middleware"]
        assert len(used) == len([one for one in handler.stages if one in ("announce", "Timed")])
        return used

    here = "tests.app.test_explanation"
    timed = (f"{here}.Timed(at=inner)", "CommandBus")
    assert told("pay") == [timed, (f"{here}.announce(at=outer, when=command)", "the application")]
    assert told("find_bill") == [(f"{here}.announce(at=outer, when=FindBill)", "Dispatcher")]


def test_an_unknown_name_is_not_found(tmp_path: Path, module: Module) -> None:
    """A name that no message has is refused with names that look like it."""

    def notify(command: Notify) -> None: ...

    module.register(Notify, notify)
    with pytest.raises(NotFound) as refused:
        explain(App("post", modules=[module], database=tmp_path / "post.db"), "NOTIFI")
    assert refused.value.hint == "did you mean notify?"


SHARED = "redis://:s3cret@cache.example/0"


def no_bill(query: FindBill) -> int:
    """None."""
    return 0


def test_keys_lifecycles_caches_and_fallbacks_are_told_with_where_they_are_said() -> None:
    """A command's key is as usual unless its handler or the application says else; None switches it off."""

    def told(name: str, **settings: Any) -> list[tuple[str, str, str]]:
        module = Module("clinic")
        module.register(Pay, pay, **settings)
        module.register(FindBill, find_bill, fallback=no_bill, cache=Cache("1m", scope="tenant", store=SHARED))
        (handler,) = explain(App("clinic", modules=[module], database="memory:"), name).handlers
        return [(one.part, one.value, one.source.rpartition(".")[2]) for one in handler.settings]

    assert told("pay") == [("idempotency", "Idempotency(key=None)", "default")]
    assert told("pay", idempotency=None) == [("idempotency", "off", "pay")]
    said = Idempotency(key=lambda command: 1, required=True)
    key, lifecycle = told("pay", idempotency=said, lifecycle=Lifecycle(failed=PaymentFailed))
    assert key[1].startswith("Idempotency(key=test_keys")
    assert key[1].endswith("<lambda>, required=True)")
    assert lifecycle == ("lifecycle", "failed payment_failed", "pay")
    assert told("find_bill") == [
        ("cache", "Cache(ttl=60.0, scope=tenant)", "find_bill"),  # and no address, which may hold a password
        ("fallback", "no_bill", "find_bill"),
    ]


def test_a_reaction_tells_whether_it_is_local_and_as_whom_it_sends(tmp_path: Path, module: Module) -> None:
    """Where that is not as usual."""

    def notify(command: Notify) -> None: ...

    for message, handler in ((Notify, notify), (Pay, pay), (FindBill, find_bill)):
        module.register(message, handler)

    @module.on(PaymentFailed)
    async def usual(event: PaymentFailed) -> None: ...

    @module.on(PaymentFailed, durable=False, principal=Principal(user_id="desk"))
    async def near(event: PaymentFailed) -> None: ...

    found = explain(App("post", modules=[module], database=tmp_path / "post.db"), "payment_failed")
    settings = {one.handler.rpartition(".")[2]: one.settings for one in found.handlers}
    assert settings["usual"] == ()
    assert [(one.part, one.value) for one in settings["near"]] == [("durable", "False"), ("principal", "desk")]
