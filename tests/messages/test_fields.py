"""Fields that the context fills."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel

from twofold.messages import Command, FromContext, MessageType


@dataclass(frozen=True, kw_only=True)
class Change(Command[None]):
    """Two of its fields are the context's."""

    user_id: Annotated[UUID, FromContext("user_id")]
    owner: Annotated[str | None, FromContext("tenant")] = None
    password: Annotated[str, "a note of somebody else"]


class ChangeModel(BaseModel, Command[None]):
    """The same for a model."""

    user_id: Annotated[UUID, FromContext("user_id")]
    password: str


def test_marked_fields_are_found_with_the_fact_that_fills_them() -> None:
    """In dataclasses and models alike; other annotations mean nothing here."""
    assert MessageType(Change).context_fields == {"user_id": "user_id", "owner": "tenant"}
    assert MessageType(ChangeModel).context_fields == {"user_id": "user_id"}


def test_they_can_be_set_in_code() -> None:
    """A test or a script makes the message whole."""
    user = UUID(int=1)
    assert MessageType(Change).validate(Change(user_id=user, password="x")).user_id == user
