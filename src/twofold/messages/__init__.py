"""Commands, queries and events: their base classes, wire names, codec, and the metadata that travels with them."""

from twofold.messages._catalogue import Catalogue
from twofold.messages._context import (
    EVENTS,
    NOWHERE,
    Context,
    Origin,
    Principal,
    current_context,
    current_origin,
    enter_context,
    enter_origin,
    entered,
    leave_context,
    leave_origin,
)
from twofold.messages._erased import ERASED, SEALED, Erased, is_erased, sealed_text, without_personal
from twofold.messages._expected import Expected
from twofold.messages._feed import Feed
from twofold.messages._fields import FromContext, context_fields, filled_by
from twofold.messages._findings import findings
from twofold.messages._kind import Kind
from twofold.messages._message import PLAIN, Command, Event, Query
from twofold.messages._name import WireName, command, event, query, wire_name
from twofold.messages._page import Page
from twofold.messages._personal import PERSONAL, Personal, PersonalField, Subject, SubjectErased
from twofold.messages._receipt import USUAL_WAIT, Receipt
from twofold.messages._secret import NotSecret, Secret, redacting, without_secrets
from twofold.messages._strictly import plainly_so, strict_writer
from twofold.messages._tag import Tag, tag_fields, tags_of
from twofold.messages._telling import HIDDEN, has_secret, is_telling
from twofold.messages._tenants import every_tenant, sees_every_tenant
from twofold.messages._type import MessageType
from twofold.messages._upcast import Encoded, Upcast, Upcaster
from twofold.messages._upcasters import Upcasters
from twofold.messages._whole import bare, canonical, whole

__all__ = [
    "bare",
    "canonical",
    "Catalogue",
    "Command",
    "command",
    "Context",
    "context_fields",
    "filled_by",
    "current_context",
    "current_origin",
    "Encoded",
    "enter_context",
    "enter_origin",
    "entered",
    "ERASED",
    "Erased",
    "Event",
    "EVENTS",
    "event",
    "every_tenant",
    "Expected",
    "Feed",
    "findings",
    "FromContext",
    "has_secret",
    "HIDDEN",
    "is_erased",
    "is_telling",
    "Kind",
    "leave_context",
    "leave_origin",
    "MessageType",
    "NOWHERE",
    "NotSecret",
    "Origin",
    "Page",
    "PLAIN",
    "PERSONAL",
    "Personal",
    "PersonalField",
    "Principal",
    "query",
    "Query",
    "Receipt",
    "redacting",
    "SEALED",
    "sealed_text",
    "Secret",
    "sees_every_tenant",
    "plainly_so",
    "strict_writer",
    "Subject",
    "SubjectErased",
    "Tag",
    "tag_fields",
    "tags_of",
    "Upcast",
    "Upcaster",
    "Upcasters",
    "USUAL_WAIT",
    "whole",
    "wire_name",
    "without_personal",
    "without_secrets",
    "WireName",
]
