"""What a doctor says: faults alone while there are any, then what will hurt later, and nothing where all is well."""

from collections.abc import Sequence
from dataclasses import dataclass, make_dataclass
from importlib import import_module
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, SecretStr

from tests.app.clinic import PaymentAttempted, PaymentFailed, PaymentSucceeded, clinic
from tests.app.till import Till
from tests.personal.shop import Shop
from twofold import App, Command, Event, Lifecycle, Module, Query, Secret, public, signed_in
from twofold.app import doctor
from twofold.app.diagnosis._names import oddity
from twofold.errors import MissingExtraError
from twofold.messages import Kind

EXAMPLES = ("accounts", "courses", "hostfactory", "moving.after", "orders", "providers")


def told(module: Module, **settings: Any) -> Sequence[tuple[str, str]]:
    """What is said of an application of one module: the code, and where."""
    return [(one.code, one.where) for one in doctor(App("clinic", modules=[module], database="memory:", **settings))]


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_sound_application_gets_no_word(example: str) -> None:
    """None of the examples, which name and declare their messages as people do."""
    assert doctor(import_module(f"examples.{example}").app) == []


def test_faults_come_first() -> None:
    """As the start would say them; of messages that is no reason to say less."""

    @dataclass
    class Forgotten(Command[None]):
        """Forget it."""

    async def odd(command: Forgotten, missing: BaseModel) -> None: ...

    module = Module("clinic")
    module.register(Forgotten, odd)
    app = App("clinic", modules=[module], database="memory:")
    first, second = doctor(app)
    (fault,) = app.check()
    assert (first.severity, first.code, str(first)) == ("fault", fault.code, str(fault))
    assert (second.severity, second.code) == ("warning", "mutable_message")


@pytest.mark.parametrize("profile", ["development", "production"])
def test_routes_that_cannot_be_served_are_faults(profile: Any) -> None:
    """As `twofold run` refuses them: a path with a field that there is not, and one path for two commands."""
    module = Module("routes")
    for name, path in {"Lock": "/locks/{number}", "Open": "/doors", "Shut": "/doors"}.items():
        message = make_dataclass(name, (), bases=(Command[None],), frozen=True, namespace={"__doc__": "Do it."})

        async def done(command: Any) -> None: ...

        module.register(message, done, path=path)
    app = App("routes", modules=[module], database="routes.db", audit=False, profile=profile)
    faults = [one.code for one in doctor(app) if one.severity == "fault"]
    assert ("impossible_route" in faults, "conflicting_route" in faults) == (True, True)
    assert len(faults) == len(app.check()) + 2
    assert not {"open_docs", "open_metrics", "no_authenticator"} & set(faults)  # that is said when it is served


def test_without_the_web_the_faults_are_those_of_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation that serves nothing is examined as well."""

    def missing(app: App, **options: Any) -> Any:
        raise MissingExtraError(extra="web", room="twofold.web", package="fastapi")

    monkeypatch.setattr(App, "http", missing)
    assert doctor(import_module("examples.orders").app) == []


def test_messages_that_can_be_changed_or_say_nothing_of_themselves_are_named() -> None:
    """Dataclasses and models, commands, queries and events; what a dataclass says of itself is no docstring."""

    @dataclass
    class Open(Command[None]):
        """Open it."""

    class Shut(BaseModel, Command[None]):
        size: int = 0

    @dataclass
    class Opened(Event):
        pass

    async def both(command: Open | Shut) -> None: ...

    module = Module("clinic")
    module.register(Open, both)
    module.register(Shut, both)
    module.events(Opened)
    name = "test_messages_that_can_be_changed_or_say_nothing_of_themselves_are_named.<locals>."
    assert [(code, where.removeprefix(name)) for code, where in told(module)] == [
        ("mutable_message", "Open"),
        ("mutable_message", "Shut"),
        ("undocumented_message", "Shut"),
        ("mutable_message", "Opened"),
        ("undocumented_message", "Opened"),
    ]


def test_a_secret_in_an_address_is_named() -> None:
    """A query is got by its fields, and a path holds some of any message; a body is where a secret belongs."""

    @dataclass(frozen=True, kw_only=True)
    class FindCard(Query[int]):
        """Find it."""

        holder: str
        number: Annotated[str, Secret]

    @dataclass(frozen=True, kw_only=True)
    class GetCard(FindCard):
        """Get it."""

    @dataclass(frozen=True, kw_only=True)
    class ShowCard(FindCard):
        """Show it."""

    @dataclass(frozen=True, kw_only=True)
    class WatchCard(FindCard):
        """Watch it."""

    @dataclass(frozen=True, kw_only=True)
    class OpenLink(Command[None]):
        """Open it."""

        link: SecretStr

    async def find(query: FindCard) -> int: ...  # type: ignore[empty-body]  # nobody calls it

    async def get(query: GetCard) -> int: ...  # type: ignore[empty-body]  # nobody calls it

    async def show(query: ShowCard) -> int: ...  # type: ignore[empty-body]  # nobody calls it

    async def watch(query: WatchCard) -> int: ...  # type: ignore[empty-body]  # nobody calls it

    async def go(command: OpenLink) -> None: ...

    module = Module("cards")
    module.register(FindCard, find)
    module.register(GetCard, get, method="POST")
    module.register(ShowCard, show, hidden=True)
    module.register(WatchCard, watch, live=True)
    module.register(OpenLink, go, path="/links/{link}")
    found = doctor(App("cards", modules=[module], database="memory:"))
    assert [(one.severity, one.code, one.where.rpartition(".")[2]) for one in found] == [
        ("warning", "secret_in_address", "find"),
        ("warning", "secret_in_address", "watch"),
        ("warning", "secret_in_address", "go"),
    ]
    first, followed, path = found
    assert first.text == "is offered by GET /queries/find_card, and its address, which logs keep, has number"
    assert first.hint == 'say method="POST": a secret belongs in the body'
    assert "which goes by GET alone" in followed.hint
    assert path.hint == "leave it out of path=: a secret belongs in the body"


@pytest.mark.parametrize(
    "kind, fine, odd",
    [
        (
            Kind.COMMAND,
            """PlaceOrder SetPrice ListProduct OpenAccount FeedCat EmbedVideo MarkOrderShipped Seed CountStock Comment
            OrderAtOnce CancelSubscription AddComment Register Book PositionItem ConfirmRegistration Unsubscribe""",
            """GetOrder FindCustomer FetchOrder ShowOrder ListOrders SearchItems PlacedOrder
            Order User OrderPlacement UserRegistration Registration""",
        ),
        (
            Kind.QUERY,
            "GetOrder ListClosed CountSales FindLine IsOpen HasPaid WhoAmI CanBook FollowOrder SearchOrders ShowShelf",
            "CreateReport DeleteOrder PlaceOrder PayOrder SendInvoice OrderPlaced OrderSummary Orders Order",
        ),
        (
            Kind.EVENT,
            "OrderPlaced MoneySent ItemSold PaymentAttempted OrderPlacedByPhone PriceWentUp AccountFrozen TicketBought",
            "PlaceOrder PriceChange AccountUpdate Refund OrderPlacement GetOrder",
        ),
    ],
)
def test_a_name_tells_what_a_message_is(kind: Kind, fine: str, odd: str) -> None:
    """A query asks, an event has happened; a command is odd where its name cannot be that of something to do."""
    assert [name for name in fine.split() if oddity(type(name, (), {}), kind)] == []
    assert [name for name in odd.split() if not oddity(type(name, (), {}), kind)] == []


def test_an_attempt_without_an_end_is_told() -> None:
    """By its events' names, and by a lifecycle that leaves a state out; one that has all may call them as it likes."""
    attempted, succeeded, failed = map(event, ("VisitAttempted", "VisitSucceeded", "VisitFailed"))
    for others, missing in {(): "succeeded or failed", (succeeded,): "failed", (failed,): "succeeded"}.items():
        module = clinic()
        module.events(attempted, *others)
        (found,) = doctor(App("clinic", modules=[module], database="memory:"))
        assert (found.code, found.where) == ("endless_attempt", "VisitAttempted")
        assert found.text.endswith(f"tells that it has {missing}")
    module = clinic()
    module.events(attempted, succeeded, failed)
    assert told(module) == []
    paid = {"attempted": PaymentAttempted, "succeeded": PaymentSucceeded, "failed": PaymentFailed}
    for state in ("succeeded", "failed"):
        module = clinic({"lifecycle": Lifecycle(**{**paid, state: None})})
        assert told(module) == [("endless_attempt", "tests.app.clinic.pay")]
    module = clinic(
        {"lifecycle": Lifecycle(attempted=attempted, succeeded=event("BillPaid"), failed=event("BillLeft"))}
    )
    assert told(module) == []


def event(name: str) -> type:
    """An event with a name."""
    return make_dataclass(name, [], bases=(Event,), frozen=True, namespace={"__doc__": "It has happened."})


async def nobody(request: Any) -> None:
    """Nobody is logged in."""


def test_messages_that_nobody_has_decided_about_are_told_where_others_are_guarded() -> None:
    """Or where a door tells callers apart; not where each has its policy, or nobody is known at all."""
    assert told(clinic({"authorize": signed_in})) == [("unguarded", "clinic")]
    assert told(clinic()) == []
    assert told(clinic(), authenticate=nobody) == [("unguarded", "clinic")]
    assert told(clinic(authorize=public), authenticate=nobody) == []


def test_whoever_remembers_the_erased_is_told() -> None:
    """Projections that have personal data and no method for `SubjectErased`."""
    found = [one for one in doctor(Shop().app()) if one.code == "remembers_erased"]
    assert [one.where for one in found] == ["introductions"]


def test_nothing_is_opened_by_looking() -> None:
    """It may be asked in a test, and the application runs afterwards."""
    app = Till().app()
    assert [one.code for one in doctor(app)] == []
    assert not app.running
