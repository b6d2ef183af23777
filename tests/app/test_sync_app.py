"""An application driven from code that cannot await."""

from tests.app.bank import Announced, Deposit, Open, app_on
from twofold.result import Success
from twofold.store import MemoryStore


def test_it_is_started_used_and_stopped() -> None:
    """In a thread without a loop, as a script or Django would."""
    app = app_on(MemoryStore())
    with app.sync as shop:
        assert app.running
        assert shop.execute(Open(owner="ada")) == Success("ada")
        assert shop.dispatch(Deposit(owner="ada", amount=5)) == Success(5)
        assert shop.dispatch(Announced(text="x")).is_success
        assert app.commands.sync.execute(Deposit(owner="ada", amount=5)) == Success(10)
        shop.settle()
    assert not app.running


def test_it_can_be_started_again() -> None:
    """Each time in a loop of its own."""
    store = MemoryStore()
    app = app_on(store)
    for expected in (1, 2):
        with app.sync as shop:
            shop.execute(Open(owner="ada"))
            assert shop.execute(Deposit(owner="ada", amount=1)) == Success(expected)


def test_the_last_block_that_is_left_stops_it() -> None:
    """One that is inside of another leaves the application and its loop to that."""
    app = app_on(MemoryStore())
    with app.sync as shop:
        with app.sync:
            assert shop.execute(Open(owner="ada")) == Success("ada")
        assert shop.execute(Deposit(owner="ada", amount=5)) == Success(5)
    assert not app.running
