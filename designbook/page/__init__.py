"""What a chapter shows: panels, drawings, tables, drills, sources, and the checks that keep its text and code true."""

import sys

from designbook.page.browser import settle
from designbook.page.diagrams import Diagram
from designbook.page.estimation import estimation_drill
from designbook.page.experiment_panel import Axis, ExperimentPanel, Line, Output
from designbook.page.figures import figure_style, show
from designbook.page.interview import cards, clarify, mistakes, probes, quiz
from designbook.page.listing import definition
from designbook.page.markup import table
from designbook.page.model_panel import ModelPanel
from designbook.page.prose import says, says_in
from designbook.page.tables import band_table, compare_table, derivation_table, sources, tornado_chart

if sys.platform == "emscripten":
    settle()

__all__ = [
    "Axis",
    "Diagram",
    "ExperimentPanel",
    "Line",
    "ModelPanel",
    "Output",
    "band_table",
    "cards",
    "clarify",
    "compare_table",
    "definition",
    "derivation_table",
    "estimation_drill",
    "figure_style",
    "mistakes",
    "probes",
    "quiz",
    "says",
    "says_in",
    "show",
    "sources",
    "table",
    "tornado_chart",
]
