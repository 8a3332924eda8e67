"""Estimates as models: one definition, run on floats, arrays and units, shown as a derivation, and sent to the page.

Inputs have units and ranges; estimates are formulas in base units; limits turn the numbers into a decision.
"""

from designbook.capacity.functions import amount, ceil, count, exp, floor, log, log2, maximum, minimum, sqrt
from designbook.capacity.javascript import TranslationError, to_javascript, translate
from designbook.capacity.model import (
    CapacityModel,
    CircularEstimate,
    DimensionError,
    Estimate,
    Input,
    Limit,
    Verdict,
    check_dimensions,
    estimate,
)

__all__ = [
    "CapacityModel",
    "CircularEstimate",
    "DimensionError",
    "Estimate",
    "Input",
    "Limit",
    "TranslationError",
    "Verdict",
    "amount",
    "ceil",
    "check_dimensions",
    "count",
    "estimate",
    "exp",
    "floor",
    "log",
    "log2",
    "maximum",
    "minimum",
    "sqrt",
    "to_javascript",
    "translate",
]
