"""A command a line: what the systems that one can play with have in common."""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from inspect import signature

Command = Callable[..., Iterable[str]]
"""A function of words that gives the lines to print."""


class Unclear(ValueError):
    """A line that is no command."""


class Console:
    """Commands by name, and a help with a line for each or for several."""

    def __init__(self, commands: Mapping[str, Command], help: str) -> None:
        self._commands = {**commands, "help": lambda: [help]}
        self._help = help.splitlines()

    def answer(self, line: str) -> Iterable[str]:
        """The lines to print. Raises Unclear, and whatever the command raises."""
        name, *words = line.split()
        if name not in self._commands:
            raise Unclear(f"there is no command {name!r}; there are {', '.join(self._commands)} and quit")
        try:
            signature(self._commands[name]).bind(*words)
        except TypeError:
            usage = next(text for text in self._help if name in re.findall(r"\w+", text))
            raise Unclear(f"expected: {usage}") from None
        return self._commands[name](*words)


def converse(answer: Callable[[str], Iterable[str]], refusals: tuple[type[Exception], ...], *, greeting: str) -> None:
    """Answer the lines of stdin until it ends or says quit; who types is greeted, and what is refused is a line."""
    asks = sys.stdin.isatty()
    if asks:
        print(f"{greeting}; `help` says what there is")
    while True:
        print("> " if asks else "", end="", flush=True)
        line = sys.stdin.readline()
        if not line or line.strip() in ("quit", "exit"):
            return
        if line.strip():
            for text in _answer_or_error(answer, (Unclear, *refusals), line):
                print(text, flush=True)


def _answer_or_error(
    answer: Callable[[str], Iterable[str]], refusals: tuple[type[Exception], ...], line: str
) -> Iterator[str]:
    try:
        yield from answer(line)
    except refusals as error:
        yield f"error: {one_line(error)}"


def one_line(error: Exception) -> str:
    """What went wrong, in a line."""
    if isinstance(error, ImportError):
        return f"that store needs a package that is not installed: {error.name}"
    return str(error).replace("\n", " ")


def number(field: str, text: str) -> float:
    """A number, whole if it is written so. Raises Unclear, naming the field."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        raise Unclear(f"{field}: {text!r} is no number") from None


def whole(field: str, text: str, least: int = 0) -> int:
    """A whole number of 15 digits at most. Raises Unclear, naming the field."""
    if not text.isdecimal() or len(text) > 15 or int(text) < least:
        raise Unclear(f"{field}: {text!r} is not a whole number from {least}, of 15 digits at most")
    return int(text)
