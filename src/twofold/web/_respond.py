"""A Result as a response, for routes that people write themselves."""

from typing import Any

from pydantic_core import to_jsonable_python
from starlette.responses import JSONResponse, Response

from twofold.clock import new_id
from twofold.errors import Classifier
from twofold.result import Failure, Result, Success
from twofold.web._arrival import Arrival, current_arrival
from twofold.web._problem import PROBLEM_JSON, Problem, nothing_found, problem_of
from twofold.web._reception import problem_told


def respond(result: Result[Any, Any], *, status: int | None = None, optional: bool = False) -> Response:
    """A Result as a response of a route of yours: its value as JSON, or its error as problem details.

    Args:
        result: What a bus answered.
        status: The status of a Success; 200 unless given, and 204 for None.
        optional: Whether None says that nothing was found, as of a query that may find nothing: then it is a 404.

    Example:
        >>> @web.post("/orders")
        ... async def place(order: PlaceOrder, bus: Annotated[CommandBus, Depends()]) -> Response:
        ...     return respond(await bus.execute(order), status=201)
    """
    if optional and result == Success(None):
        result = Failure(nothing_found())
    match result:
        case Success(None):
            return Response(status_code=status or 204)
        case Success(value):
            return JSONResponse(to_jsonable_python(value), status_code=status or 200)
        case Failure(error):
            arrival = current_arrival()
            if arrival is None:
                return problem_response(problem_of(error, Classifier()))
            return problem_response(problem_told(error, arrival), arrival)


def problem_response(problem: Problem, arrival: Arrival | None = None) -> Response:
    """A problem as a response.

    Args:
        problem: The problem.
        arrival: The request that it answers; None outside any.
    """
    known = () if arrival is None else (arrival.correlation_id, arrival.problems)
    return Response(
        problem.document(*(known or (str(new_id()),))),
        status_code=problem.status,
        headers=problem.headers(),
        media_type=PROBLEM_JSON,
    )
