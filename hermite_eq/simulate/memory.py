"""How much memory a simulation may use, and how it is divided into batches of heads and blocks of rows."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from hermite_eq.errors import HypothesisError
from hermite_eq.models import Sizes
from hermite_eq.simulate.features import HeadKind

_UNITS = {"": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
#: Rows of a block: enough for full speed of a matrix product, and no fewer than are worth a call.
LARGEST_BLOCK, SMALLEST_BLOCK = 2048, 64


def parse_memory(memory: str | float) -> int:
    """Bytes.

    >>> parse_memory("1.5GB")
    1500000000
    """
    if isinstance(memory, str):
        match = re.fullmatch(r"\s*([0-9.]+)\s*([A-Za-z]*)\s*", memory)
        if match and match[2] in _UNITS and re.fullmatch(r"\d+\.?\d*|\.\d+", match[1]):
            return int(float(match[1]) * _UNITS[match[2]])
    elif not isinstance(memory, bool) and memory > 0:
        return int(memory)
    raise HypothesisError(
        "memory is a number of bytes, or a number with a unit", f"memory={memory!r}", 'pass memory="4GB", say'
    )


def _readable(size: int) -> str:
    """Three digits and a unit, rounded up."""
    unit = next(u for u in ("GB", "MB", "kB") if size >= _UNITS[u] or u == "kB")
    places = max(0, 2 - math.floor(math.log10(size / _UNITS[unit])))
    return f"{math.ceil(size / _UNITS[unit] * 10**places) / 10**places:.{places}f}{unit}"


@dataclass(frozen=True)
class Schedule:
    """Heads in batches which are fitted together, and the number of rows in a block.

    Attributes
    ----------
    batches : list of list of HeadKind
    block : int
    """

    batches: list[list[HeadKind]]
    block: int


def schedule(
    kinds: list[HeadKind],
    sizes: Sizes,
    axis: Literal["samples", "hidden"],
    values: list[int],
    test: int,
    item: int,
    memory: int,
) -> Schedule:
    """Divide the work so that the arrays alive at one time fit into ``memory`` bytes.

    A singular value decomposition, where one is needed, comes on top with three copies of one feature matrix.
    """
    d, n, m = sizes.d, sizes.samples, sizes.hidden or 0
    width = d * (d + 1)
    random = [kind for kind in kinds if not kind.linear]
    contexts = 8 * (n + 2 * test) * (3 * d + 2)
    layer = item * width * m if random else 0
    needs = {kind: _systems(kind, width, n, m, axis, values, item) for kind in kinds}
    # h and a head's input, output and their copies in double precision.
    row = (item * width + m * (4 * item + 8)) if random else 0
    row = max(row, 24 * width if len(random) < len(kinds) else 0)
    fixed = contexts + layer
    smallest = fixed + max(needs.values()) + SMALLEST_BLOCK * row
    if smallest > memory:
        raise HypothesisError(
            "the memory budget holds the contexts, F, the system of one head and a block of features",
            f"a budget of {_readable(memory)} where {_readable(smallest)} are needed",
            f'pass memory="{_readable(smallest)}" or more, or smaller sizes',
        )
    block = min(LARGEST_BLOCK, (memory - fixed - max(needs.values())) // row)
    room = memory - fixed - block * row
    batches: list[list[HeadKind]] = [[]]
    used = 0
    for kind in kinds:
        if batches[-1] and used + needs[kind] > room:
            batches.append([])
            used = 0
        batches[-1].append(kind)
        used += needs[kind]
    return Schedule(batches, int(block))


def _systems(kind: HeadKind, width: int, n: int, m: int, axis: str, values: list[int], item: int) -> int:
    """Bytes of the matrices which the path of one head keeps."""
    if axis == "hidden" and not kind.linear:
        primal = max((value for value in values if value <= n), default=0)
        # The Gram matrix and one leading block; the kernel matrix; the stored features.
        return 16 * primal**2 + (8 * n**2 if max(values) > n else 0) + item * n * m
    p = width if kind.linear else m
    samples = values if axis == "samples" else [n]
    dual = max((value for value in samples if value < p), default=0)
    return 8 * p**2 * (max(samples) >= p) + 16 * dual**2 + (0 if kind.linear else item * dual * p)
