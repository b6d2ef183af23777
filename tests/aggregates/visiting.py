"""A handler that borrows a decision of another module, and names none of its events."""

from dataclasses import dataclass

from tests.aggregates.campus import Seats
from twofold import Boundary, Command, Module


@dataclass(frozen=True, kw_only=True)
class CountSeats(Command[int]):
    course_id: str


visiting = Module("visiting")


@visiting.handler
async def count_seats(command: CountSeats, boundary: Boundary) -> int:
    seats = Seats(command.course_id)
    await boundary.read(seats)
    return seats.taken
