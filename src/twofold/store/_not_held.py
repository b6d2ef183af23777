"""What is said of values that no store can hold: whoever has sent one is told, and not which database has complained."""

from typing import Final

NUMBER_NOT_HELD: Final = "a number is beyond what can be stored"
TEXT_NOT_HELD: Final = "a text has characters that cannot be stored"
