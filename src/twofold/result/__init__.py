"""What every command, query and event handler answers: a Success or a Failure, never a surprise."""

from twofold.result._result import Err, Failure, Ok, Result, Success

__all__ = ["Err", "Failure", "Ok", "Result", "Success"]
