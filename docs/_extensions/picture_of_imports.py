"""A picture of which part imports which, from the table that tests/test_imports.py enforces."""

from __future__ import annotations

import ast
from pathlib import Path

TABLE = Path(__file__).parents[2] / "tests" / "test_imports.py"
WIDTH, ROW, BOX, HEIGHT = 680, 66, 104, 30


def tables() -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """What each part of the library imports, and what imports the library."""
    tree = ast.parse(TABLE.read_text(encoding="utf-8"))
    assigned = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Dict)
    }

    def read(name: str) -> dict[str, set[str]]:
        pairs = zip(assigned[name].keys, assigned[name].values, strict=True)
        return {ast.literal_eval(key): set() if isinstance(value, ast.Call) else ast.literal_eval(value) for key, value in pairs if key}

    packages = read("PACKAGES")
    return read("DIRECT"), packages | {"tests": {name for name in packages if packages[name]}}


def arrows(direct: dict[str, set[str]]) -> list[tuple[str, str]]:
    """(upper, lower) without those that follow from others."""

    def below(part: str) -> set[str]:
        return direct[part].union(*(below(other) for other in direct[part]))

    return [
        (upper, lower)
        for lower, uppers in direct.items()
        for upper in sorted(uppers)
        if not any(upper in below(other) for other in uppers - {upper})
    ]


def ranks(direct: dict[str, set[str]]) -> dict[str, int]:
    """The row of each part: one more than the lowest of those it imports."""

    def rank(part: str) -> int:
        return 1 + max((rank(other) for other in direct[part]), default=-1)

    by_part = {part: rank(part) for part in direct}
    # What nothing above constrains stands just above its first user.
    for part, uppers in direct.items():
        users = [by_part[other] for other in direct if part in direct[other]]
        if not uppers and users:
            by_part[part] = max(by_part[part], min(users) - 1)
    return by_part


def svg() -> str:
    """The picture, in the colours of the page: the parts of the library, and below them what stands on the whole of it."""
    library, packages = tables()
    above, end = _drawn(library, top=20)
    below, end = _drawn(packages, top=end + 24)
    marker = (
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z"/></marker></defs>'
    )
    first = f'<svg class="architecture" viewBox="0 0 {WIDTH} {end}" role="img" aria-label="Which part imports which">'
    return "\n".join([first, marker, *above, *below, "</svg>"])


def _drawn(direct: dict[str, set[str]], top: int) -> tuple[list[str], int]:
    """Arrows and boxes, and where the next picture may begin."""
    rank = ranks(direct)
    rows = [[part for part in direct if rank[part] == r] for r in range(max(rank.values()) + 1)]
    place = {part: ((i + 0.5) * WIDTH / len(row), top + r * ROW) for r, row in enumerate(rows) for i, part in enumerate(row)}
    lines = []
    for upper, lower in arrows(direct):
        (x0, y0), (x1, y1) = place[upper], place[lower]
        y0, y1 = y0 + HEIGHT, y1 - 2
        middle = (y0 + y1) / 2
        curve = f"M{x0:.0f},{y0:.0f} C{x0:.0f},{middle:.0f} {x1:.0f},{middle:.0f} {x1:.0f},{y1:.0f}"
        lines.append(f'<path class="arrow" d="{curve}"/>')
    for part, (x, y) in place.items():
        kind = "part apart" if part in ("theory", "simulate") else "part"
        lines.append(f'<rect class="{kind}" x="{x - BOX / 2:.0f}" y="{y:.0f}" width="{BOX}" height="{HEIGHT}" rx="6"/>')
        lines.append(f'<text x="{x:.0f}" y="{y + HEIGHT / 2 + 5:.0f}">{part}</text>')
    return lines, top + len(rows) * ROW
