"""A circuit breaker: when it opens, what it lets through then, and which outcomes count for which state."""

from collections.abc import Callable

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.reliability.virtual import HandClock, by_type
from twofold.errors import Category, CircuitOpen, WiringError
from twofold.reliability import Circuit, CircuitBreaker, LocalBreakers, State, StateChange


def _circuit(**settings: object) -> tuple[Circuit, HandClock]:
    clock = HandClock()
    return Circuit("x", CircuitBreaker(**settings), clock), clock  # type: ignore[arg-type]  # as the test says


def _state(circuit: Circuit) -> State:
    return circuit.state  # which a type checker believes to stay as it was


def _fail(circuit: Circuit, times: int = 1) -> None:
    for _ in range(times):
        circuit.failed(circuit.admit())


def test_it_opens_after_failures_in_a_row() -> None:
    """Then nothing is admitted, and the error says when something will be."""
    circuit, clock = _circuit(failures=3, open_for=30)
    _fail(circuit, 3)
    clock.time += 12
    with pytest.raises(CircuitOpen) as caught:
        circuit.admit()
    assert (caught.value.name, caught.value.retry_after) == ("x", 18)
    assert _state(circuit) is State.OPEN


def test_a_success_starts_the_count_anew() -> None:
    """Failures that are not in a row do not add up."""
    circuit, _ = _circuit(failures=2)
    for _ in range(5):
        _fail(circuit)
        circuit.succeeded(circuit.admit())
    assert _state(circuit) is State.CLOSED


def test_a_call_that_says_nothing_changes_nothing() -> None:
    """What is cancelled or ends in a bug neither adds to the count nor starts it anew."""
    circuit, _ = _circuit(failures=2)
    _fail(circuit)
    circuit.left(circuit.admit())
    assert _state(circuit) is State.CLOSED
    _fail(circuit)
    assert _state(circuit) is State.OPEN


def test_after_its_time_exactly_so_many_probes_are_let_through() -> None:
    """They all have to succeed before it closes."""
    circuit, clock = _circuit(failures=1, open_for=30, probes=2)
    _fail(circuit)
    clock.time += 30
    probes = [circuit.admit(), circuit.admit()]
    assert _state(circuit) is State.HALF_OPEN
    with pytest.raises(CircuitOpen):
        circuit.admit()
    circuit.succeeded(probes[0])
    with pytest.raises(CircuitOpen):
        circuit.admit()
    circuit.succeeded(probes[1])
    assert _state(circuit) is State.CLOSED


def test_one_failing_probe_opens_it_again() -> None:
    """For the whole time, and the probe that is still under way no longer counts."""
    circuit, clock = _circuit(failures=1, open_for=30, probes=2)
    _fail(circuit)
    clock.time += 30
    first, second = circuit.admit(), circuit.admit()
    circuit.failed(first)
    circuit.succeeded(second)
    assert _state(circuit) is State.OPEN
    clock.time += 29.9
    with pytest.raises(CircuitOpen):
        circuit.admit()


def test_every_time_it_is_half_open_it_asks_for_as_many_probes() -> None:
    """What passed the time before does not count; nor do, once it has closed, the failures from before it opened."""
    circuit, clock = _circuit(failures=2, open_for=30, probes=2)
    for _ in range(3):
        _fail(circuit)
        assert _state(circuit) is State.CLOSED
        _fail(circuit)
        assert _state(circuit) is State.OPEN
        clock.time += 30
        circuit.succeeded(circuit.admit())
        assert _state(circuit) is State.HALF_OPEN
        circuit.succeeded(circuit.admit())
        assert _state(circuit) is State.CLOSED


def test_a_probe_that_passed_does_not_count_once_another_has_failed() -> None:
    """The next time it is half open all of them have to succeed."""
    circuit, clock = _circuit(failures=1, open_for=30, probes=2)
    _fail(circuit)
    clock.time += 30
    circuit.succeeded(circuit.admit())
    _fail(circuit)
    clock.time += 30
    circuit.succeeded(circuit.admit())
    assert _state(circuit) is State.HALF_OPEN
    circuit.succeeded(circuit.admit())
    assert _state(circuit) is State.CLOSED


def test_a_failing_probe_that_is_told_late_changes_nothing() -> None:
    """It is open again by then: it opens no second time, is not open for longer, and has as many places for probes."""
    clock, told = HandClock(), list[StateChange]()
    circuit = Circuit("x", CircuitBreaker(failures=1, open_for=30, probes=2), clock, [told.append])
    _fail(circuit)
    clock.time += 30
    first, second = circuit.admit(), circuit.admit()
    circuit.failed(first)
    clock.time += 20
    changes = len(told)
    circuit.failed(second)
    assert len(told) == changes
    clock.time += 10
    probes = [circuit.admit(), circuit.admit()]
    assert _state(circuit) is State.HALF_OPEN
    for probe in probes:
        circuit.succeeded(probe)
    assert _state(circuit) is State.CLOSED


def test_a_cancelled_probe_frees_its_place() -> None:
    """The next call is the probe instead."""
    circuit, clock = _circuit(failures=1, open_for=30)
    _fail(circuit)
    clock.time += 30
    circuit.left(circuit.admit())
    circuit.succeeded(circuit.admit())
    assert _state(circuit) is State.CLOSED


def test_a_probe_that_is_never_told_of_loses_its_place() -> None:
    """After as long as it would have been open; what it says later does not count."""
    circuit, clock = _circuit(failures=1, open_for=30)
    _fail(circuit)
    clock.time += 30
    lost = circuit.admit()
    clock.time += 30
    circuit.succeeded(circuit.admit())
    circuit.failed(lost)
    assert _state(circuit) is State.CLOSED


@pytest.mark.parametrize("tell", [Circuit.succeeded, Circuit.failed, Circuit.left])
def test_late_outcomes_do_not_count_for_a_newer_state(tell: Callable[[Circuit, int], None]) -> None:
    """A call that began before it opened says nothing while it is half open, nor after it closed."""
    circuit, clock = _circuit(failures=1, open_for=30)
    late = [circuit.admit() for _ in range(3)]
    _fail(circuit)
    tell(circuit, late[0])
    assert _state(circuit) is State.OPEN
    clock.time += 30
    probe = circuit.admit()
    tell(circuit, late[1])
    assert _state(circuit) is State.HALF_OPEN
    circuit.succeeded(probe)
    tell(circuit, late[2])
    assert _state(circuit) is State.CLOSED


def test_a_share_of_failures_opens_it_too() -> None:
    """Once enough calls have ended in the window for a share to mean something."""
    circuit, _ = _circuit(failures=None, rate=0.5, minimum=4, window=10)
    for fails in (True, False, True):
        (circuit.failed if fails else circuit.succeeded)(circuit.admit())
    assert _state(circuit) is State.CLOSED
    _fail(circuit)
    assert _state(circuit) is State.OPEN


def test_the_window_forgets() -> None:
    """Failures that are older than the window are no part of the share; nor are those from before it closed."""
    circuit, clock = _circuit(failures=None, rate=0.5, minimum=2, window=10, open_for=1)
    _fail(circuit)
    clock.time += 10
    for _ in range(2):
        circuit.succeeded(circuit.admit())
    _fail(circuit)
    assert _state(circuit) is State.CLOSED
    _fail(circuit)
    assert _state(circuit) is State.OPEN
    clock.time += 1
    circuit.succeeded(circuit.admit())
    _fail(circuit)
    assert _state(circuit) is State.CLOSED


def test_listeners_are_told_of_every_change() -> None:
    """With the name and both states, after the change."""
    clock, told = HandClock(), list[StateChange]()
    circuit = Circuit("x", CircuitBreaker(failures=1, open_for=30), clock, [told.append])
    _fail(circuit)
    clock.time += 30
    circuit.succeeded(circuit.admit())
    steps = [(State.CLOSED, State.OPEN), (State.OPEN, State.HALF_OPEN), (State.HALF_OPEN, State.CLOSED)]
    assert told == [StateChange(breaker="x", before=before, after=after) for before, after in steps]


def test_each_type_has_its_own_unless_they_share_a_name() -> None:
    """The same settings under one name are one breaker; two settings under one name are a mistake."""
    shared = CircuitBreaker(failures=1, name="database")
    breakers = LocalBreakers(by_type({int: CircuitBreaker(), str: shared, bytes: shared}))
    assert breakers.of(int) is breakers.of(int)
    assert breakers.of(str) is breakers.of(bytes)
    assert breakers.of(int) is not breakers.of(str)
    with pytest.raises(WiringError, match="no circuit breaker is set for float"):
        breakers.of(float)
    torn = LocalBreakers(by_type({int: shared, str: CircuitBreaker(failures=2, name="database")}))
    torn.of(int)
    with pytest.raises(WiringError, match="shared by str, is set in two ways"):
        torn.of(str)


def test_only_what_is_unavailable_counts_unless_said_otherwise() -> None:
    """A refusal shows that what stands behind answers."""
    counted = [category for category in Category if CircuitBreaker().counts(category)]
    assert counted == [Category.UNAVAILABLE]
    assert CircuitBreaker(on=["conflict"]).counts(Category.CONFLICT)


class BreakerMachine(RuleBasedStateMachine):
    """A breaker against a model that remembers what it was told, and works its state out of that."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = HandClock()
        self.settings = CircuitBreaker(failures=2, open_for=10, probes=2)
        self.circuit = Circuit("x", self.settings, self.clock)
        self.state, self.era, self.since = State.CLOSED, 0, 0.0
        self.in_a_row = self.passed = 0
        self.calls = dict[int, tuple[int, int, float]]()
        """By a number of our own: the ticket, the era it was given in, and when."""
        self.places = set[int]()
        self.made = 0

    def _become(self, state: State) -> None:
        self.state, self.since = state, self.clock.time
        self.era += 1
        self.in_a_row = self.passed = 0
        self.places = set()

    @rule(seconds=st.sampled_from([1, 4, 5, 10]))
    def wait(self, seconds: float) -> None:
        self.clock.time += seconds

    @rule()
    def call(self) -> None:
        if self.state is State.OPEN and self.clock.time >= self.since + 10:
            self._become(State.HALF_OPEN)
        self.places = {one for one in self.places if self.calls[one][2] + 10 > self.clock.time}
        is_full = self.passed + len(self.places) >= 2
        if self.state is State.OPEN or (self.state is State.HALF_OPEN and is_full):
            with pytest.raises(CircuitOpen) as caught:
                self.circuit.admit()
            assert 0 < caught.value.retry_after <= 10
            return
        self.made += 1
        self.calls[self.made] = (self.circuit.admit(), self.era, self.clock.time)
        if self.state is State.HALF_OPEN:
            self.places.add(self.made)

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), outcome=st.sampled_from(["succeeded", "failed", "left"]))
    def end(self, data: st.DataObject, outcome: str) -> None:
        one = data.draw(st.sampled_from(sorted(self.calls)))
        ticket, era, _ = self.calls[one]
        getattr(self.circuit, outcome)(ticket)
        counts = era == self.era and (self.state is State.CLOSED or one in self.places)
        self.places.discard(one)
        del self.calls[one]
        if not counts or outcome == "left":
            return
        if self.state is State.CLOSED:
            self.in_a_row = self.in_a_row + 1 if outcome == "failed" else 0
            if self.in_a_row == 2:
                self._become(State.OPEN)
        elif outcome == "failed":
            self._become(State.OPEN)
        else:
            self.passed += 1
            if self.passed == 2:
                self._become(State.CLOSED)

    @invariant()
    def agree(self) -> None:
        assert self.circuit.state is self.state


TestBreakerMachine = BreakerMachine.TestCase
