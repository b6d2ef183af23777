"""The headers of a message are those of the binding: what is read elsewhere is what was written here."""

import pytest

from twofold.drivers.nats._header import headers_of
from twofold.messaging import Outgoing


@pytest.mark.parametrize(
    "value, expected",
    [
        ("Euro € 😀", "Euro%20%E2%82%AC%20%F0%9F%98%80"),  # the example of the specification
        ('100 % "sure"', "100%20%25%20%22sure%22"),
        ("!#$&'()*+,-./:;<=>?@[]^_`{|}~\\", "!#$&'()*+,-./:;<=>?@[]^_`{|}~\\"),
        ("a\r\nNats-Msg-Id: 7", "a%0D%0ANats-Msg-Id:%207"),
    ],
)
def test_a_value_is_percent_encoded(value: str, expected: str) -> None:
    """As CloudEvents asks for, and no value begins a header of its own."""
    headers = headers_of(Outgoing("orders.happened", "1", "a", {"subject": value, "traceparent": value}, b"{}"))
    assert headers == {"ce-subject": expected, "ce-traceparent": expected, "traceparent": expected, "Nats-Msg-Id": "1"}
