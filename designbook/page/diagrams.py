"""Diagrams drawn ahead by D2 from a source that stands beside them, in the colours and the type of the page.

`python -m designbook.page.diagrams` draws every `chapters/**/*.d2`; the SVG is committed with its source, so a
reader needs no D2. Source of the language: https://d2lang.com.
"""

import re
import subprocess
import sys
from html import escape
from pathlib import Path

# D2 gives each shape a colour by its role; the page has three: ink, a wash, and the ground.
ROLES = {
    "fill-N1": "fill:currentColor",
    "fill-N2": "fill:currentColor;opacity:.75",
    "fill-N7": "fill:none",
    "fill-B1": "fill:currentColor",
    "fill-B2": "fill:currentColor",
    "fill-B3": "fill:var(--db-wash,#8881)",
    "fill-B4": "fill:var(--db-wash,#8881)",
    "fill-B5": "fill:var(--db-wash,#8881)",
    "fill-B6": "fill:var(--db-ground,none)",
    "fill-N5": "fill:var(--db-ground,none)",
    "fill-AA4": "fill:var(--db-ground,none)",
    "stroke-B1": "stroke:var(--db-load,#2563a8)",
    "stroke-B2": "stroke:var(--db-load,#2563a8)",
}


class Diagram:
    """A drawn diagram with its text alternative, shown inline so that it follows the page's colours.

    `path` is the SVG that D2 drew. Raises FileNotFoundError naming the path, ValueError on an empty `alt`.
    """

    def __init__(self, path: str | Path, *, alt: str) -> None:
        if not alt.strip():
            raise ValueError(f"the diagram {path} needs a text alternative")
        self.alt = alt
        self.svg = _restyled(Path(path).read_text(encoding="utf-8"))

    def _repr_html_(self) -> str:
        return f'<figure class="db-diagram" role="img" aria-label="{escape(self.alt)}">{self.svg}</figure>'


def draw(source: Path) -> str:
    """The SVG that D2 draws for `source`. Raises RuntimeError with D2's own message."""
    program = Path(sys.executable).parent / "d2"
    done = subprocess.run(
        [program, "--theme=0", "--pad=16", "-", "-"], input=source.read_bytes(), capture_output=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{source}: {done.stderr.decode().strip()}")
    return done.stdout.decode()


def _restyled(svg: str) -> str:
    """`svg` without D2's own fonts and colours, with the page's instead."""
    rules = "".join(f".db-diagram .{role}{{{style}}}" for role, style in ROLES.items())
    rules += ".db-diagram text{font-family:inherit}.db-diagram .text-bold{font-weight:600;font-size:14px!important}"
    svg = re.sub(r"<\?xml.*?\?>", "", svg)
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    width = int(found[1]) if (found := re.search(r'viewBox="0 0 (\d+) ', svg)) else 600
    # Drawn for labels of 16 px, which may shrink to 10 on a phone; below that the box scrolls.
    size = f"width:{width}px;min-width:{width * 10 // 16}px"
    svg = svg.replace("<svg ", f'<svg aria-hidden="true" style="{size}" ', 1)
    return f"<style>{rules}</style>{svg}"


def main() -> None:
    """Draw every diagram of the chapters beside its source."""
    for source in sorted(Path("chapters").rglob("*.d2")):
        source.with_suffix(".svg").write_text(draw(source), encoding="utf-8")
        print(source.with_suffix(".svg"))


if __name__ == "__main__":
    main()
