"""Who may send a message: policies decide before anything else is done, and are proven at start like handlers."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from twofold import (
    App,
    Command,
    CommandBus,
    Context,
    Event,
    EventBus,
    Failure,
    Forbidden,
    Module,
    NotFound,
    Principal,
    Query,
    Result,
    Success,
    UnitOfWork,
    has_role,
    public,
    signed_in,
)
from twofold.app.explanation import explain
from twofold.dispatch import Policy, Registration, always
from twofold.errors import Fault, RateLimited, TimedOut, Unauthenticated, WiringError
from twofold.messages import Origin
from twofold.observability import OpenTelemetrySpans
from twofold.sql import BlockingReadSession, ReadSession
from twofold.store import AuditSearch, MemoryStore

pytestmark = pytest.mark.anyio

ADA = Principal(user_id="ada", roles=frozenset({"clerk"}))
EVE = Principal(user_id="eve")


@dataclass(frozen=True, kw_only=True)
class Shut(Command[str]):
    """A command."""

    door: str = "front"


@dataclass(frozen=True, kw_only=True)
class Look(Query[str]):
    """A query."""


@dataclass(frozen=True, kw_only=True)
class ShutAll(Command[str]):
    """A command that sends the other one."""

    by: str = ""


@dataclass(frozen=True, kw_only=True)
class Rang(Event):
    """An event with a reaction that sends the other command."""


async def shut(command: Shut) -> str:
    return command.door


async def look(query: Look) -> str:
    return "closed"


async def _nothing(message: Any) -> Any: ...


def app_of(*modules: Module, database: Any = "memory:", **options: Any) -> App:
    """An application of modules, and of all messages of this file, since each needs a handler."""
    rest = Module("rest", authorize=public)
    known = {name for module in modules for one in module for name in _messages(one)}
    for message in {Shut, Look, ShutAll} - known:
        rest.register(message, _nothing)
    return App("house", modules=[*modules, rest], database=database, **options)


def _messages(registration: Registration) -> set[Any]:
    target: Any = registration.target
    return {registration.message_type, *getattr(target, "__annotations__", {}).values()}


def house(policy: Any, **options: Any) -> App:
    """An application with one guarded command."""
    module = Module("house", **options)
    module.register(Shut, shut, authorize=policy)
    return app_of(module)


async def answer(policy: Any, principal: Principal | None = ADA, message: Any = None, **options: Any) -> Any:
    """What a command with a policy is answered."""
    async with house(policy, **options) as app:
        return await app.caller(principal=principal).execute(message or Shut())


async def _async_no(command: Shut) -> bool:
    return False


def _kept(command: Shut) -> Result[None]:
    return Failure(NotFound("no such door"))


@pytest.mark.parametrize(
    "policy, expected",
    [
        (public, None),
        (signed_in, None),
        (has_role("clerk"), None),
        (lambda: None, None),
        (lambda: Success(None), None),
        (has_role("admin"), Forbidden),
        (lambda: False, Forbidden),
        (lambda: Success(False), Forbidden),
        (_async_no, Forbidden),
        (_kept, NotFound),
        ([signed_in, has_role("admin")], Forbidden),
        ([signed_in, has_role("clerk")], None),
    ],
)
async def test_the_answer_decides(policy: Any, expected: type | None) -> None:
    """None, True and a Success let it pass; False is Forbidden; a Failure is the answer; several have to agree."""
    result = await answer(policy)
    if expected is None:
        assert result == Success("front")
    else:
        assert type(result.error) is expected


async def test_a_refusal_may_be_raised() -> None:
    """And is a Failure, as in a handler."""

    def refuse() -> None:
        raise NotFound("no such door")

    assert isinstance((await answer(refuse)).error, NotFound)


@pytest.mark.parametrize("policy", [signed_in, has_role("clerk"), lambda: False])
async def test_without_anybody_it_is_unauthenticated(policy: Policy) -> None:
    """A policy that needs a principal is not even asked; a no to nobody is a request to say who it is."""
    assert isinstance((await answer(policy, None)).error, Unauthenticated)


@pytest.mark.parametrize("said", ["yes", 1, 0, "", object()])
async def test_what_is_neither_yes_nor_no_lets_nobody_pass(said: Any) -> None:
    """It is a mistake of whoever wrote the policy, and is raised."""

    def vague() -> Any:
        return said

    with pytest.raises(WiringError, match="vague answered"):
        await answer(vague)


@pytest.mark.parametrize("asked", [lambda policy: policy, always])
async def test_a_policy_that_has_forgotten_to_answer_lets_nobody_pass(asked: Callable[[Any], Any]) -> None:
    """None is a yes of a policy that raises its refusals, and no bool."""

    async def forgetful(who: Principal) -> bool:
        if "admin" in who.roles:
            return True
        return None  # type: ignore[return-value]  # which a function does that ends without a word

    with pytest.raises(WiringError, match="forgetful answered None"):
        await answer(asked(forgetful))


async def test_a_policy_that_never_answers_is_waited_for_until_the_deadline() -> None:
    """Looking somebody up is a part of what a message may take."""

    async def silent() -> bool:
        await asyncio.Event().wait()
        return True

    result = await asyncio.wait_for(answer(silent, timeout=0.05), 20)
    assert isinstance(result.error, TimedOut)


async def test_a_bug_in_a_policy_lets_nobody_pass() -> None:
    """It is raised like a bug of a handler."""

    def broken() -> bool:
        raise KeyError("role")

    with pytest.raises(KeyError):
        await answer(broken)


class Guests(Protocol):
    """A dependency of policies."""

    def welcome(self, user: str) -> bool: ...


@dataclass
class GuestList:
    """One that counts how many of it there were, and closes."""

    names: tuple[str, ...] = ("ada",)

    def welcome(self, user: str) -> bool:
        return user in self.names


async def test_it_is_given_what_it_asks_for() -> None:
    """The message, who sends it, the context, its logger, and what modules provide, whatever callable it is."""
    module, seen = Module("house"), list[Any]()
    module.provide(Guests, GuestList())

    class Asked:
        def __call__(self, command: Command[Any], context: Context, who: Principal, guests: Guests) -> bool:
            seen.append((command, context.user_id, who))
            return guests.welcome(who.user_id)

        async def method(self, who: Principal | None, logger: logging.Logger) -> None:
            seen.append((who, logger.name))

    module.register(Shut, shut, authorize=[Asked(), Asked().method])
    async with app_of(module) as app:
        assert await app.caller(principal=ADA).execute(Shut()) == Success("front")
        assert isinstance((await app.caller(principal=EVE).execute(Shut())).error, Forbidden)
    assert seen == [(Shut(), "ada", ADA), (ADA, "twofold.handler.method"), (Shut(), "eve", EVE)]


async def test_a_scope_of_its_own() -> None:
    """What lives as long as a message is made for the policy, and closed before the handler has its own."""
    module, order = Module("house"), list[str]()

    async def guests() -> AsyncIterator[Guests]:
        order.append("open")
        yield GuestList()
        order.append("close")

    async def handle(command: Shut, guests: Guests) -> str:
        order.append("handle")
        return "front"

    def invited(guests: Guests, who: Principal) -> bool:
        return guests.welcome(who.user_id)

    module.provide(Guests, guests)
    module.register(Shut, handle, authorize=invited)
    async with app_of(module) as app:
        assert await app.caller(principal=ADA).execute(Shut()) == Success("front")
        assert (await app.caller(principal=EVE).execute(Shut())).is_failure
    assert order == ["open", "close", "open", "handle", "close", "open", "close"]


class Tables(DeclarativeBase):
    """The tables of this file."""


class Owner(Tables):
    """Who owns a door."""

    __tablename__ = "guards_owner"
    door: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]


@pytest.mark.parametrize("blocking", [False, True])
async def test_it_may_look_things_up(tmp_path: Path, blocking: bool) -> None:
    """By a session that only reads, async or not."""

    async def owns(command: Shut, who: Principal, session: ReadSession) -> bool:
        return await session.scalar(select(Owner.name).where(Owner.door == command.door)) == who.user_id

    def owns_blocking(command: Shut, who: Principal, session: BlockingReadSession) -> bool:
        return session.scalar(select(Owner.name).where(Owner.door == command.door)) == who.user_id

    @dataclass(frozen=True, kw_only=True)
    class Buy(Command[None]):
        pass

    async def buy(command: Buy, session: AsyncSession) -> None:
        session.add(Owner(door="front", name="ada"))

    module = Module("house")
    module.state(Owner)
    module.register(Buy, buy)
    module.register(Shut, shut, authorize=owns_blocking if blocking else owns)
    async with app_of(module, database=tmp_path / "house.db") as app:
        await app.execute(Buy())
        assert await app.caller(principal=ADA).execute(Shut()) == Success("front")
        assert isinstance((await app.caller(principal=EVE).execute(Shut())).error, Forbidden)
        assert isinstance((await app.caller(principal=ADA).execute(Shut(door="back"))).error, Forbidden)


async def test_the_nearest_says_it() -> None:
    """What a handler says counts, and where it says nothing what its module says."""
    module = Module("house", authorize=has_role("admin"))
    module.register(Shut, shut, authorize=public)
    module.register(Look, look)
    other = Module("other")

    @other.handler
    async def shut_all(command: ShutAll) -> str:
        return "all"

    async with app_of(module, other) as app:
        assert await app.execute(Shut()) == Success("front")
        assert isinstance((await app.execute(Look())).error, Unauthenticated)
        assert await app.execute(ShutAll()) == Success("all")
        told = {
            name: [
                (one.value, one.source) for one in explain(app, name).handlers[0].settings if one.part == "authorize"
            ]
            for name in ("shut", "look", "shut_all")
        }
        stages = [explain(app, name).handlers[0].stages for name in ("look", "shut_all")]
    assert told["shut"] == [("public", f"{__name__}.shut")]
    assert told["look"] == [("has_role('admin')", "module house")]
    assert told["shut_all"] == []
    assert ["authorization" in one for one in stages] == [True, False]


async def test_it_stands_between_the_limit_and_validation() -> None:
    """Who may not send a message learns nothing of what is wrong with it, and who sends too many is not asked for."""
    seen: list[Any] = []

    def no(command: Shut) -> bool:
        seen.append(command.door)
        return False

    async with house(no, rate_limit="1/minute") as app:
        caller = app.caller(principal=EVE)
        assert isinstance((await caller.execute(Shut(door=7))).error, Forbidden)  # type: ignore[arg-type]  # wrong
        assert isinstance((await caller.execute(Shut())).error, RateLimited)
    assert seen == [7]


@dataclass
class Doors:
    """An application whose handlers and reactions send a guarded command."""

    answers: list[Any] = field(default_factory=list[Any])

    def app(self, policy: Any, **how: Any) -> App:
        module = Module("house")
        module.register(Shut, shut, authorize=policy)

        @module.handler
        async def shut_all(command: ShutAll, bus: CommandBus) -> str:
            origin = Origin(principal=Principal(user_id=command.by)) if command.by else None
            self.answers.append(await bus.execute(Shut(), origin=origin))
            return "all"

        @module.on(Rang, **how)
        async def hurry(event: Rang, bus: CommandBus) -> None:
            self.answers.append(await bus.execute(Shut()))
            if how:
                await bus.execute(ShutAll())

        return app_of(module)


@pytest.mark.parametrize("traced", [False, True])
async def test_what_a_handler_sends_is_its_own_business(traced: bool) -> None:
    """Also what a reaction sends: the message that it answers was decided about; whoever traces changes nothing."""
    doors = Doors()
    app = doors.app(has_role("admin"))
    if traced:
        app.observe(spans=OpenTelemetrySpans(TracerProvider(shutdown_on_exit=False)))
    async with app:
        assert (await app.caller(principal=EVE).execute(ShutAll())).is_success
        await app.publish(Rang())
        await app.settle()
    assert doors.answers == [Success("front")] * 2


async def test_a_policy_may_be_asked_always() -> None:
    """Then it decides about those too; a reaction has no principal."""
    doors = Doors()
    async with doors.app([signed_in, always(has_role("admin"))]) as app:
        await app.caller(principal=EVE).execute(ShutAll())
        await app.publish(Rang())
        await app.settle()
    assert [type(one.error) for one in doors.answers] == [Forbidden, Unauthenticated]


@pytest.mark.parametrize("durable", [True, False])
@pytest.mark.parametrize("roles, expected", [({"porter"}, Success("front")), ({"clerk"}, Forbidden)])
async def test_a_reaction_may_send_as_a_service(durable: bool, roles: set[str], expected: Any) -> None:
    """All that it sends itself is decided about by what the service may, and not by what the user of the event may.

    What the handlers of that send is theirs to answer for again. The tenant stays that of the event.
    """
    doors, asked = Doors(), list[tuple[str, str | None]]()

    def porter(who: Principal) -> bool:
        asked.append((who.user_id, who.tenant))
        return "porter" in who.roles

    service = Principal(user_id="concierge", roles=frozenset(roles))
    user = Principal(user_id="ada", tenant="acme", roles=frozenset({"porter"}))
    async with doors.app(porter, durable=durable, principal=service) as app:
        await app.publish(Rang(), origin=Origin(principal=user))
        await app.settle()
    direct, nested = doors.answers
    assert asked == [("concierge", "acme")]
    assert direct == expected if isinstance(expected, Success) else isinstance(direct.error, expected)
    assert nested == Success("front")


async def test_what_is_sent_for_somebody_else_is_decided_about() -> None:
    """A handler that names an origin speaks for that caller, as a door does."""
    doors = Doors()
    async with doors.app(has_role("admin")) as app:
        await app.caller(principal=ADA).execute(ShutAll(by="eve"))
    assert isinstance(doors.answers[0].error, Forbidden)


async def test_a_refusal_is_in_the_audit_trail() -> None:
    """With who was refused and why; of what was let through there is an entry of its own kind."""
    store = MemoryStore()
    module = Module("house")
    module.register(Shut, shut, authorize=has_role("clerk"))
    async with app_of(module, database=store) as app:
        for principal in (None, EVE, ADA):
            await app.caller(principal=principal).execute(Shut(door="back"))
    entries = await store.audit.find(AuditSearch())
    assert [(one.message, one.user_id, one.outcome, one.code) for one in entries] == [
        ("shut", None, "unauthenticated", "unauthenticated"),
        ("shut", "eve", "forbidden", "forbidden"),
        ("shut", "ada", "success", ""),
    ]
    assert {one.payload for one in entries} == {'{"door":"back"}'}


async def test_over_http_it_is_401_and_403() -> None:
    """With the document saying so, though nobody is asked who they are."""

    async def authenticate(request: Any) -> Principal | None:
        user = request.headers.get("x-user")
        return Principal(user_id=user) if user else None

    module = Module("house")
    module.register(Shut, shut, authorize=has_role("admin"))
    module.register(Look, look, authorize=public)
    app = app_of(module)
    transport = httpx.ASGITransport(app.http(authenticate=authenticate))
    async with app, httpx.AsyncClient(transport=transport, base_url="http://house") as client:
        nobody = await client.post("/commands/shut", json={})
        eve = await client.post("/commands/shut", json={}, headers={"x-user": "eve"})
        anybody = await client.get("/queries/look")
    transport = httpx.ASGITransport(app.http())
    async with app, httpx.AsyncClient(transport=transport, base_url="http://house") as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
    assert [one.status_code for one in (nobody, eve, anybody)] == [401, 403, 200]
    assert nobody.headers["www-authenticate"] == "Bearer"
    assert "401" in paths["/commands/shut"]["post"]["responses"]
    assert "401" not in paths["/queries/look"]["get"]["responses"]


def faults_of(policy: Any, provide: Callable[[Module], None] | None = None, database: Any = "memory:") -> list[Fault]:
    """What keeps an application with a policy from starting."""
    module = Module("house")
    if provide is not None:
        provide(module)
    module.register(Shut, shut, authorize=policy)
    return app_of(module, database=database).check()


def test_required_means_every_command_and_query() -> None:
    """One without a policy is a fault at the name of its message; `public` and a module's policy are enough."""
    module, open_module = Module("house", authorize=signed_in), Module("open")
    module.register(Shut, shut)
    open_module.register(Look, look)

    @open_module.on(Rang)
    async def hurry(event: Rang) -> None: ...

    (fault,) = app_of(module, open_module, authorization="required").check()
    assert (fault.where, fault.code) == ("look", "unguarded")
    assert "module open" in fault.hint
    assert app_of(module, open_module).check() == []
    wrong: Any = "yes"
    with pytest.raises(WiringError, match="neither required nor optional"):
        App("house", authorization=wrong)


def _untyped(something) -> bool:  # type: ignore[no-untyped-def]  # that is the mistake
    return True


def _other(query: Look) -> bool:
    return True


def _generator() -> Any:
    yield True


def _unmet(guests: Guests) -> bool:
    return True


async def _writes(unit: UnitOfWork) -> bool:
    return True


async def _sends(bus: CommandBus) -> bool:
    return True


def _publishes(events: EventBus) -> bool:
    return True


@pytest.mark.parametrize(
    "policy, code, text",
    [
        (_untyped, "untyped_parameter", "something"),
        (_other, "wrong_policy", "decides about Look, and is asked about Shut"),
        (_generator, "async_mistake", "yields"),
        (_unmet, "missing_dependency", "Guests"),
        (_writes, "writing_policy", "UnitOfWork"),
        (_sends, "writing_policy", "CommandBus"),
        (_publishes, "writing_policy", "EventBus"),
        (None, "wrong_policy", "authorize=None"),
        ([], "wrong_policy", "authorize=[]"),
        ([signed_in, "admin"], "wrong_policy", "authorize='admin'"),
        (GuestList, "wrong_policy", "which is no policy"),
        (has_role, "wrong_policy", "says authorize=has_role, which makes a policy and is none"),
        (always(has_role), "wrong_policy", "says authorize=has_role, which makes a policy and is none"),
    ],
)
def test_a_mistake_is_told_at_the_start(policy: Any, code: str, text: str) -> None:
    """By the policy's name, once, however many messages it guards."""
    (fault,) = faults_of(policy)
    assert fault.code == code
    assert text in fault.text


def test_a_captive_dependency_of_a_policy() -> None:
    """What would be kept for ever is found in policies too."""

    class Captor:
        def __init__(self, guests: Guests) -> None: ...

    def captive(captor: Captor) -> bool:
        return True

    def provide(module: Module) -> None:
        module.provide(Guests, GuestList, scope="message")
        module.provide(Captor, scope="app")

    captive.__annotations__["captor"] = Captor
    (fault,) = faults_of(captive, provide)
    assert fault.code == "captive_dependency"


def test_a_session_fits_the_function(tmp_path: Path) -> None:
    """A `def` with a session to be awaited, and the other way round, are mistakes; one that writes is another."""

    def waits(session: ReadSession) -> bool:
        return True

    async def blocks(session: BlockingReadSession) -> bool:
        return True

    async def writes(session: AsyncSession) -> bool:
        return True

    found = [faults_of(policy, database=tmp_path / "x.db")[0].code for policy in (waits, blocks, writes)]
    assert found == ["async_mistake", "async_mistake", "writing_policy"]


def test_a_module_policy_fits_all_that_it_guards() -> None:
    """A fault of a policy of a module is told once for all its messages; a reaction has nobody to ask."""
    module = Module("house", authorize=_unmet)
    module.register(Shut, shut)
    module.register(Look, look)
    (fault,) = app_of(module).check()
    assert fault.code == "missing_dependency"

    reacting = Module("reacting")
    reacting.events(Rang)

    @reacting.handler(authorize=public)
    async def hurry(event: Rang) -> None: ...

    codes = [one.code for one in app_of(reacting).check()]
    assert "useless_option" in codes


async def test_a_mere_name_is_told_from_a_principal() -> None:
    """Whoever says a user id in code, and is refused for it, is told what counts."""

    async def look(query: Look) -> str:
        return "x"

    module = Module("desk")
    module.register(Look, look, authorize=signed_in)
    for unused in (Shut, ShutAll):
        module.register(unused, _shut)
    async with App("desk", modules=[module], database="memory:") as app:
        refused = await app.caller(user_id="ada").execute(Look())
        assert "principal=" in str(refused.error)
        assert "principal=" not in str((await app.execute(Look())).error)


async def _shut(command: Any) -> str:
    return "shut"
