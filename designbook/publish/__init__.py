"""The book as a whole: executed notebooks, the built site, the skeleton of a new chapter.

Run the rooms from the root of a checkout: `python -m designbook.publish.build`, `... .execute`, `... .skeleton NAME`.
"""

import sys

# nbformat and Jupyter Book import jsonschema, which compiles a grammar for internationalised addresses (3 s) that no
# schema here asks for. It does without where that package is missing.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
