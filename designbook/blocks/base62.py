"""Base 62: numbers as short codes of letters and digits, and back.

The alphabet is in ASCII order, so codes of one width sort as their numbers do.
"""

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
BASE = len(ALPHABET)
_TWO, _FOUR = BASE**2, BASE**4

_PAIRS = [high + low for high in ALPHABET for low in ALPHABET]
_LEADING = list(ALPHABET) + _PAIRS[BASE:]
_VALUES = {character: value for value, character in enumerate(ALPHABET)}


def encode(number: int) -> str:
    """The shortest code of `number`, four characters a division. Raises ValueError below 0."""
    if number < 0:
        raise ValueError(f"a code needs a number from 0 up, not {number}")
    code = ""
    while number >= _FOUR:
        number, low = divmod(number, _FOUR)
        code = _PAIRS[low // _TWO] + _PAIRS[low % _TWO] + code
    if number >= _TWO:
        return _LEADING[number // _TWO] + _PAIRS[number % _TWO] + code
    return _LEADING[number] + code


def encode_fixed(number: int, width: int) -> str:
    """The code of `number`, filled with zeros to `width` characters. Raises ValueError where it does not fit."""
    code = encode(number)
    if len(code) > width:
        raise ValueError(f"{number} needs {len(code)} characters and does not fit into {width}")
    return code.rjust(width, ALPHABET[0])


def decode(code: str) -> int:
    """The number of `code`; leading zeros change nothing. Raises ValueError that names a foreign character."""
    if not code:
        raise ValueError("an empty code has no number")
    number = 0
    try:
        for character in code:
            number = number * BASE + _VALUES[character]
    except KeyError as error:
        character = error.args[0]
        where = code.index(character) + 1
        raise ValueError(f"{character!r}, character {where} of {code!r}, is not one of 0-9, A-Z, a-z") from None
    return number


def width_for(count: int) -> int:
    """How many characters give at least `count` different codes. Raises ValueError below 1."""
    if count < 1:
        raise ValueError(f"a code space holds at least 1 code, not {count}")
    return len(encode(count - 1))
