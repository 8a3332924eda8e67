"""What the pages' `assets/answer.js` must know to read a typed answer: the words for units, and what is asked."""

import json
from typing import TypedDict

from designbook.page.markup import symbol
from designbook.quantities import dimension, vocabulary


class Asked(TypedDict):
    """What an answer measures, how one may look, and whether it is a share."""

    measures: dict[str, int]
    example: str
    percent: bool


def asked(unit: str) -> Asked:
    """What is asked where the answer is in `unit`. Raises UnitError if the unit is unknown."""
    return {"measures": dimension(unit), "example": example(unit), "percent": symbol(unit) == "%"}


def example(unit: str) -> str:
    """How an answer in this unit may be written, without a hint at its size."""
    kind = dimension(unit)
    timed, sized, money = (kind.get(each, 0) for each in ("time", "information", "currency"))
    if symbol(unit) == "%":
        return "30 %"
    if money:
        return "$ 7.6k/month" if timed else "$ 0.80 per million"
    if sized:
        return "1.5 Gbit/s or 90 MB/s" if timed else "3.8 TB or 2e12 bytes"
    if timed > 0:
        return "40 ms or 3 days"
    return "4k/s or 3 million a day" if timed else "12 or 3.8k"


def words_script() -> str:
    """The script that a page with drills or quizzes has once: every word that `designbook.quantities` knows."""
    return f"window.designbookWords={json.dumps(vocabulary(), ensure_ascii=False, separators=(',', ':'))}"
