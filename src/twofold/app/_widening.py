"""Two JSON Schemas of one event: whether whatever fits the older one fits the newer one too, and what else is new."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from twofold.app._rules import CHECKED
from twofold.messages import PERSONAL

_WORDS: Final = frozenset(
    {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$defs", PERSONAL}
)
_AT_LEAST: Final = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_AT_MOST: Final = frozenset(
    {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "x-decimal-places", "x-max-digits"}
)
_PARTS: Final = frozenset(
    {
        "properties",
        "required",
        "items",
        "prefixItems",
        "additionalProperties",
        "propertyNames",
        "anyOf",
        "enum",
        CHECKED,
    }
)
_TEXT: Final = {"type": "string"}

GONE: Final = "is not read any more"
NEW: Final = "is new, without a default"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it was.

    Args:
        field: Where, as `lines[].price`; empty for the event itself.
        text: What is different.
        fits: Whether what was written before still fits.
    """

    field: str
    text: str
    fits: bool


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """What is different in a newer schema of an event; words, order and defaults do not count.

    Args:
        old: The older JSON Schema.
        new: The newer one.
    """
    return [*dict.fromkeys(_Comparison(old, new).compare(old, new, ""))]


class _Comparison:
    def __init__(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        self._old, self._new = old, new
        self._within: set[tuple[str, str]] = set()
        """The types that are being compared: one that holds itself is as it is outside."""

    def compare(self, old: Any, new: Any, at: str) -> Iterator[Difference]:
        pair = old.get("$ref", ""), new.get("$ref", "")
        if all(pair):
            if pair in self._within:
                return
            self._within.add(pair)
        try:
            yield from self._compare(_plain(old, self._old), _plain(new, self._new), at)
        finally:
            self._within.discard(pair)

    def _compare(self, old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[Difference]:
        kinds = old.get("type"), new.get("type")
        if not new:
            return
        if "anyOf" in old or "anyOf" in new:
            yield from self._options(old.get("anyOf", [old]), new.get("anyOf", [new]), at)
        elif kinds[0] != kinds[1] and kinds != ("integer", "number"):
            yield Difference(at, f"was {_named(old)}, and is {_named(new)}", fits=False)
        else:
            yield from self._fields(old, new, at)
            yield from self._elements(old, new, at)
            yield from _limits(old, new, at)

    def _options(self, old: list[Any], new: list[Any], at: str) -> Iterator[Difference]:
        for one in old:
            tried = [[*self.compare(one, other, at)] for other in new]
            if any(all(found.fits for found in way) for way in tried):
                continue
            was = _plain(one, self._old)
            kinds = [_plain(other, self._new).get("type") for other in new]
            alike = [way for way, kind in zip(tried, kinds, strict=True) if kind == was.get("type")]
            if len(alike) == 1:
                yield from (found for found in alike[0] if not found.fits)
            else:
                yield Difference(at, f"no longer takes {_named(was)}", fits=False)

    def _fields(self, old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[Difference]:
        before, now = old.get("properties", {}), new.get("properties", {})
        for name in before.keys() & now.keys():
            yield from self.compare(before[name], now[name], _in(at, name))
        for name in sorted(before.keys() - now.keys()):
            yield Difference(_in(at, name), GONE, fits=new.get("additionalProperties") is not False)
        required = set(new.get("required", ())) - set(old.get("required", ()))
        for name in sorted(now.keys() - before.keys()):
            fits = name not in required
            yield Difference(_in(at, name), "is new, with a default" if fits else NEW, fits)
        for name in sorted(required & before.keys() & now.keys()):
            yield Difference(_in(at, name), "has no default any more", fits=False)

    def _elements(self, old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[Difference]:
        for key in ("items", "additionalProperties"):
            before, now = old.get(key), new.get(key)
            if isinstance(now, Mapping):
                yield from self.compare({} if before in (None, True) else before or {}, now, f"{at}[]")
        if "properties" not in new and (keys := new.get("propertyNames", _TEXT)) != _TEXT:  # a key is a text in JSON
            yield from self.compare(old.get("propertyNames", _TEXT), keys, f"{at}[] key")
        before, now = old.get("prefixItems", []), new.get("prefixItems", [])
        if len(before) != len(now):
            yield Difference(at, f"had {len(before)} elements, and has {len(now)}", fits=False)
        for index, (one, other) in enumerate(zip(before, now, strict=False)):
            yield from self.compare(one, other, f"{at}[{index}]")


def _limits(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[Difference]:
    if "enum" in new or "enum" in old:
        gone = [value for value in old.get("enum", [None]) if value not in new.get("enum", old.get("enum", ()))]
        if gone:
            yield Difference(at, f"no longer takes {', '.join(map(repr, gone))}", fits=False)
    for name in sorted({*new.get(CHECKED, ())} - {*old.get(CHECKED, ())}):
        yield Difference(at, f"is checked by {name}, which is new", fits=False)
    for key in sorted(new.keys() - _PARTS - {"type"}):
        before, now = old.get(key), new[key]
        looser = before is not None and ((key in _AT_LEAST and now <= before) or (key in _AT_MOST and now >= before))
        if now != before and not looser:
            was = "is new" if before is None else f"was {before}"
            yield Difference(at, f"has the limit {key} {now}, which {was}", fits=False)


def _plain(schema: Any, root: Mapping[str, Any]) -> dict[str, Any]:
    """A schema without words, behind its references; one value is an enumeration of one.

    What stands beside a reference or beside options counts for whatever these mean.
    """
    while "$ref" in schema:
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**root.get("$defs", {})[schema["$ref"].rpartition("/")[2]], **beside}
    plain = {key: value for key, value in schema.items() if key not in _WORDS}
    if "const" in plain:
        plain["enum"] = [plain.pop("const")]
    if "oneOf" in plain:
        plain["anyOf"] = plain.pop("oneOf")
        plain.pop("discriminator", None)
    options = plain.pop("anyOf", None)
    return plain if options is None else {"anyOf": [{**one, **plain} for one in options]}


def _named(schema: Mapping[str, Any]) -> str:
    name = str(schema.get("format") or schema.get("type") or "anything")
    return f"{name} {schema['enum']}" if "enum" in schema else name


def _in(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name
