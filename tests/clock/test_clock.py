"""Time and identity."""

from datetime import UTC
from uuid import UUID

from twofold.clock import Clock, SystemClock, new_id, text_of, uuid_of


def test_the_wall_clock_is_in_utc() -> None:
    """A naive time would be read as local by somebody."""
    clock: Clock = SystemClock()
    assert clock.now().tzinfo is UTC


def test_the_monotonic_clock_never_goes_back() -> None:
    """Deadlines are counted with it."""
    clock = SystemClock()
    readings = [clock.monotonic() for _ in range(100)]
    assert readings == sorted(readings)


def test_ids_are_unique_and_grow() -> None:
    """They are UUIDv7, so that they sort by the time they were made at, in this process at least."""
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(set(ids))
    assert {one.version for one in ids} == {7}


def test_a_uuid_of_a_number_is_what_the_standard_library_makes() -> None:
    """In every respect, whatever the number."""
    for number in (0, 1, 2**64, 2**128 - 1, new_id().int):
        made, usual = uuid_of(number), UUID(int=number)
        assert (made, hash(made), str(made), made.bytes, made.is_safe) == (
            usual,
            hash(usual),
            str(usual),
            usual.bytes,
            usual.is_safe,
        )


def test_a_new_id_is_a_uuid_in_every_way() -> None:
    """Equal to the one that the standard library makes of its number, and told by the same text."""
    made = new_id()
    usual = UUID(int=made.int)
    assert (made, hash(made), made.version, made.is_safe) == (usual, hash(usual), 7, usual.is_safe)
    assert text_of(made.bytes) == str(usual)
