"""Estimates as models: one definition, run on floats, arrays and units, shown as a derivation, and sent to the page.

Inputs have units and ranges; estimates are formulas in base units; limits turn the numbers into a decision.
"""

from designbook.capacity.comparison import Comparison, compare
from designbook.capacity.derivation import Step, derivation, expression, needs
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
from designbook.capacity.uncertainty import Band, Bar, monte_carlo, tornado

__all__ = [
    "Band",
    "Bar",
    "CapacityModel",
    "CircularEstimate",
    "Comparison",
    "DimensionError",
    "Estimate",
    "Input",
    "Limit",
    "Step",
    "TranslationError",
    "Verdict",
    "amount",
    "ceil",
    "check_dimensions",
    "compare",
    "count",
    "derivation",
    "estimate",
    "exp",
    "expression",
    "floor",
    "log",
    "log2",
    "maximum",
    "minimum",
    "monte_carlo",
    "needs",
    "sqrt",
    "to_javascript",
    "tornado",
    "translate",
]
