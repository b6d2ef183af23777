"""Rate limits in memory: how many are let through in any span of time, for whom, and when there is room again."""

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.reliability.virtual import HandClock, by_type
from twofold.errors import Category, RateLimited, WiringError
from twofold.reliability import Limiter, Rate, RateLimit, WindowLimiters
from twofold.reliability._window import MemoryWindows


@dataclass(frozen=True)
class Person:
    """Who sends."""

    user_id: str | None = None
    tenant: str | None = None


def _limiter(rate: str) -> tuple[Limiter, HandClock]:
    clock = HandClock()
    return WindowLimiters(by_type({int: RateLimit.of(rate)}), clock=clock).of(int), clock


async def _count(limiter: Limiter, times: int, key: str = "") -> int:
    """How many of so many are let through."""
    admitted = 0
    for _ in range(times):
        try:
            await limiter.admit(key)
        except RateLimited:
            continue
        admitted += 1
    return admitted


@pytest.mark.anyio
async def test_no_span_of_time_has_more_than_the_rate() -> None:
    """Not even one that begins in the middle of a minute: the window moves."""
    limiter, clock = _limiter("10/minute")
    clock.time += 50
    assert await _count(limiter, 6) == 6
    clock.time += 20
    assert await _count(limiter, 6) == 4
    clock.time += 40
    assert await _count(limiter, 20) == 6


@pytest.mark.anyio
async def test_a_refusal_says_when_there_is_room() -> None:
    """Exactly then there is, and not before."""
    limiter, clock = _limiter("2/minute")
    await limiter.admit("")
    clock.time += 10
    await limiter.admit("")
    clock.time += 10
    with pytest.raises(RateLimited) as caught:
        await limiter.admit("")
    error = caught.value
    assert (error.retry_after, error.rate, error.category) == (40, "2/minute", Category.RATE_LIMITED)
    clock.time += 39
    assert await _count(limiter, 1) == 0
    clock.time += 1
    assert await _count(limiter, 2) == 1


@pytest.mark.anyio
async def test_what_is_refused_is_not_counted() -> None:
    """Who keeps knocking is not locked out for longer."""
    limiter, clock = _limiter("1/second")
    assert await _count(limiter, 1) == 1
    for _ in range(3):
        clock.time += 0.25
        assert await _count(limiter, 5) == 0
    clock.time += 0.25
    assert await _count(limiter, 1) == 1


@pytest.mark.anyio
async def test_each_key_has_a_limit_of_its_own() -> None:
    """One user's haste is not another one's."""
    limiter, _ = _limiter("2/second")
    assert [await _count(limiter, 5, key) for key in ("a", "b")] == [2, 2]


@pytest.mark.anyio
async def test_keys_of_the_past_are_forgotten() -> None:
    """What is kept is no more than who came in the last window, also when somebody is always there."""
    clock = HandClock()
    windows = MemoryWindows(Rate.of("1000/second"), clock)
    for number in range(10_000):
        clock.time += 0.01
        await windows.take(str(number))
        await windows.take("always")
    assert len(windows) <= 103
    clock.time += 1
    for _ in range(60):
        await windows.take("last")
        clock.time += 1
    assert len(windows) == 1


def test_types_may_share_one() -> None:
    """By name; else each type has its own."""
    shared = RateLimit("10/second", name="api")
    limiters = WindowLimiters(by_type({int: shared, str: shared, bytes: RateLimit.of("10/second")}))
    assert limiters.of(int) is limiters.of(str)
    assert limiters.of(int) is not limiters.of(bytes)


IDS = st.none() | st.text(alphabet="a:1-", max_size=4)
PEOPLE = st.builds(Person, IDS, IDS)


@given(one=PEOPLE, other=PEOPLE)
@example(one=Person(user_id="", tenant=":"), other=Person(user_id=":", tenant=""))
@example(one=Person(user_id="-", tenant=None), other=Person(user_id=None, tenant="-"))
def test_two_who_are_told_apart_never_share_a_key(one: Person, other: Person) -> None:
    """A user id is unique in its tenant only, and no id reads like two others."""
    by_user, by_tenant = RateLimit("1/second", per="user"), RateLimit("1/second", per="tenant")
    assert (by_user.key(1, one) == by_user.key(1, other)) is (one == other)
    assert (by_tenant.key(1, one) == by_tenant.key(1, other)) is (one.tenant == other.tenant)


def test_the_key_is_what_the_limit_is_for() -> None:
    """Everybody, or what a function says of message and sender."""
    assert RateLimit("1/second").key("message", Person("ada")) == RateLimit("1/second").key("message", Person("bob"))
    limit = RateLimit("1/second", per=lambda message, sender: f"{message} of {sender.user_id}")
    assert limit.key("order", Person("ada")) == "order of ada"


@pytest.mark.parametrize(
    "text, amount, seconds, shown",
    [
        ("10/second", 10, 1, "10/second"),
        ("100 per minute", 100, 60, "100/minute"),
        (" 1000 / 6 Hours ", 1000, 21600, "1000/6 hours"),
        ("5/90seconds", 5, 90, "5/90 seconds"),
        ("1/day", 1, 86400, "1/day"),
    ],
)
def test_a_rate_is_read_from_a_text(text: str, amount: int, seconds: int, shown: str) -> None:
    """And shown in the short form."""
    rate = Rate.of(text)
    assert (rate.amount, rate.seconds, str(rate)) == (amount, seconds, shown)
    assert RateLimit.of(text).rate == Rate.of(shown) == Rate.of(rate)


@pytest.mark.parametrize("wrong", ["", "ten/second", "10", "0/second", "10/0 seconds", "1/second;2/minute", 10, None])
def test_a_wrong_rate_is_a_wiring_mistake(wrong: object) -> None:
    """Which shows how a rate is written."""
    with pytest.raises(WiringError, match="expected a text like 10/second"):
        RateLimit.of(wrong)


def test_wrong_settings_are_wiring_mistakes() -> None:
    """Which name what is expected, and never a password."""
    with pytest.raises(WiringError, match="user, tenant, a function"):
        RateLimit("1/second", per="users")  # type: ignore[arg-type]  # what is tested
    with pytest.raises(WiringError, match="admit or refuse"):
        RateLimit("1/second", absent="open")  # type: ignore[arg-type]  # what is tested
    with pytest.raises(WiringError, match="memory: or an address") as caught:
        RateLimit("1/second", store="memcached://user:secret@host")
    assert "secret" not in str(caught.value)
    assert "secret" not in repr(RateLimit("1/second", store="redis://user:secret@host"))


class LimiterMachine(RuleBasedStateMachine):
    """A limiter against a list of what was let through."""

    def __init__(self) -> None:
        super().__init__()
        self.limiter, self.clock = _limiter("3/10 seconds")
        self.admitted = list[tuple[str, float]]()
        self.runner = asyncio.Runner()

    def teardown(self) -> None:
        self.runner.close()

    @rule(seconds=st.sampled_from([1, 3, 4, 10]))
    def wait(self, seconds: float) -> None:
        self.clock.time += seconds

    @rule(key=st.sampled_from("ab"))
    def come(self, key: str) -> None:
        recent = [time for one, time in self.admitted if one == key and time + 10 > self.clock.time]
        if len(recent) < 3:
            self.runner.run(self.limiter.admit(key))
            self.admitted.append((key, self.clock.time))
            return
        with pytest.raises(RateLimited) as caught:
            self.runner.run(self.limiter.admit(key))
        assert caught.value.retry_after == recent[0] + 10 - self.clock.time


TestLimiterMachine = LimiterMachine.TestCase
