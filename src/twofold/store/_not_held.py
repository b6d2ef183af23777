"""What is said of values that no store can hold.

Whoever has sent one is told so, which may be anybody: no driver or database is named, nor what it says.
"""

from typing import Final

NUMBER_NOT_HELD: Final = "a number is beyond what can be stored"
TEXT_NOT_HELD: Final = "a text has characters that cannot be stored"
