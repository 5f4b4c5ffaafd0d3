"""How much memory a simulation may use, and how it is divided into batches of heads and blocks of rows."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import Literal

from hermite_eq.arguments import positive
from hermite_eq.errors import HypothesisError, OutOfMemoryError
from hermite_eq.memory import UNITS, readable
from hermite_eq.models import Sizes
from hermite_eq.simulate.arrays import HOST, Arrays
from hermite_eq.simulate.training.heads import HeadKind, Unit

#: Rows of a block: enough for full speed of a matrix product, and no fewer than are worth a call.
LARGEST_BLOCK, SMALLEST_BLOCK = 2048, 64


def parse_memory(memory: str | float) -> int:
    """Bytes.

    >>> parse_memory("1.5GB")
    1500000000
    """
    if isinstance(memory, str):
        match = re.fullmatch(r"\s*([0-9.]+)\s*([A-Za-z]*)\s*", memory)
        if match and match[2] in UNITS and re.fullmatch(r"\d+\.?\d*|\.\d+", match[1]):
            return int(float(match[1]) * UNITS[match[2]])
    else:
        return int(positive(memory, "memory", "bytes"))
    raise HypothesisError("memory is a number of bytes, or a number with a unit", f"memory={memory!r}", 'pass memory="4GB", say')


@dataclass(frozen=True)
class Schedule:
    """Units in batches which are fitted together, and the number of rows in a block.

    Attributes
    ----------
    batches : list of list of Unit
    block : int
    """

    batches: list[list[Unit]]
    block: int


def units_of(heads: list[HeadKind], sizes: Sizes, axis: Literal["samples", "hidden"], values: list[int]) -> list[Unit]:
    """Heads which keep F first, then those with a step, which share a gradient next to each other."""
    plain = [Unit(head, None) for head in heads if head.step is None]
    hidden = sizes.hidden or 0
    stepped = [
        Unit(head, (value, hidden) if axis == "samples" else (sizes.samples, value))
        for value in values
        for source in dict.fromkeys(head.step.source for head in heads if head.step is not None)
        for head in heads
        if head.step is not None and head.step.source == source
    ]
    return plain + stepped


def schedule(
    heads: list[HeadKind],
    sizes: Sizes,
    axis: Literal["samples", "hidden"],
    values: list[int],
    test: int,
    item: int,
    memory: int,
    queries: int = 1,
    arrays: Arrays = HOST,
) -> Schedule:
    """Divide the work so that the arrays alive at one time fit into ``memory`` bytes; all ``queries`` of a test context are in one block.

    A singular value decomposition, where one is needed, comes on top with three copies of one feature matrix.
    """
    d, n, m = sizes.d, sizes.samples, sizes.hidden or 0
    width = d * (d + 1)
    random = [head for head in heads if not head.linear]
    units = units_of(heads, sizes, axis, values)
    contexts = 8 * (n * (1 + any(head.step is not None for head in heads)) + 2 * test * queries) * (3 * d + 2)
    deep = [[width, *(inner for _, inner in head.before), m] for head in random if head.before]
    layer = item * (width * m + sum(fan_in * other for widths in deep for fan_in, other in itertools.pairwise(widths))) if random else 0
    needs = {unit: _systems(unit, width, n, m, axis, values, item) for unit in units}
    gradients = {unit.gradient: item * width * unit.point[1] for unit in units if unit.point is not None}
    alone = {unit: needs[unit] + gradients.get(unit.gradient, 0) for unit in units}
    # h and a head's input, output and their copies in double precision; after a step, its own input and Gh besides.
    row = (item * width + m * (4 * item + 8)) if random else 0
    row += 2 * item * m * bool(gradients) + max((4 * item * max(widths[1:]) for widths in deep), default=0)
    row = max(row, 24 * width if len(random) < len(heads) else 0)
    fixed = contexts + layer + max(_work(unit, width, n, m, axis, values, item, arrays) for unit in units)
    least = max(SMALLEST_BLOCK, queries)
    smallest = fixed + max(alone.values()) + least * row
    if smallest > memory:
        raise OutOfMemoryError(
            "the memory budget holds the contexts, F, the system of one head and a block of features",
            f"a budget of {readable(memory)} where {readable(smallest)} are needed",
            f'pass memory="{readable(smallest)}" or more, or smaller sizes',
        )
    block = min(max(LARGEST_BLOCK, queries), (memory - fixed - max(alone.values())) // row)
    room = memory - fixed - block * row
    batches: list[list[Unit]] = [[]]
    used = 0
    held: set[object] = set()
    for unit in units:
        more = needs[unit] + (0 if unit.gradient in held else gradients.get(unit.gradient, 0))
        if batches[-1] and used + more > room:
            batches.append([])
            used, held = 0, set()
            more = alone[unit]
        batches[-1].append(unit)
        held.add(unit.gradient)
        used += more
    return Schedule(batches, int(block))


def _systems(unit: Unit, width: int, n: int, m: int, axis: str, values: list[int], item: int) -> int:
    """Bytes of the matrices which the path of one head keeps."""
    linear = unit.head.linear
    if axis == "hidden" and not linear and unit.point is None:
        primal = max((value for value in values if value <= n), default=0)
        # The Gram matrix and one leading block; the kernel matrix; the stored features.
        return 16 * primal**2 + (8 * n**2 if max(values) > n else 0) + item * n * m
    p, dual, most = _sides(unit, width, n, m, axis, values)
    # The kernel matrix with its rows, and then the Gram matrix.
    return max(8 * p**2 * (most >= p), 8 * dual**2 + (0 if linear else item * dual * p))


def _work(unit: Unit, width: int, n: int, m: int, axis: str, values: list[int], item: int, arrays: Arrays) -> int:
    """Bytes which the path of one head takes beside its matrices for a while, and gives back before another does."""
    if axis == "hidden" and not unit.head.linear and unit.point is None:
        # No system is larger than n.
        return arrays.work_space(n)
    p, dual, _ = _sides(unit, width, n, m, axis, values)
    # A leading block of the kernel matrix, or the rows from which the Gram matrix starts.
    return max(8 * dual**2, 0 if unit.head.linear else item * dual * p) + arrays.work_space(max(p, dual))


def _sides(unit: Unit, width: int, n: int, m: int, axis: str, values: list[int]) -> tuple[int, int, int]:
    """The number of features, and the most samples in a dual system and of all, along n."""
    if unit.point is not None:
        (n, m), axis = unit.point, "point"
    p, samples = width if unit.head.linear else m, values if axis == "samples" else [n]
    return p, max((value for value in samples if value < p), default=0), max(samples)
