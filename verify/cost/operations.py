r"""How many floating-point operations one run takes, by the kernel that does them.

With n samples, m hidden units, :math:`D=d(d+1)`, and p = m (or D of a linear head) features, where a multiplication and an addition are
two operations:

- pre-activations of a row, of both tests too: 2mD, for all heads once; for q queries of a context 2m(D + qd). A gradient step takes as
  many for each of its contexts, twice, and its head once more for every row that it sees, unless the step is of rank one;
- sums of products, of which one triangle is formed: n p² for the p × p system, n² p for the n × n one;
- a Cholesky factor of a system of size s: s³/3 for each penalty.

What grows slower, as draws, activations and solutions with a factor, is not counted: what a run takes beyond its operations is there.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

from hermite_eq.simulate import DiscreteMMSE
from hermite_eq.simulate.options import default_test
from hermite_eq.simulate.training.heads import HeadKind, StepSource
from hermite_eq.simulate.training.memory import units_of
from verify.campaigns.campaign import Campaign, Sweep


@dataclass(frozen=True)
class Operations:
    """Floating-point operations of products in single precision, and of sums of products and Cholesky factors in double precision."""

    products: float = 0.0
    sums: float = 0.0
    factors: float = 0.0

    def __add__(self, other: Operations) -> Operations:
        return Operations(self.products + other.products, self.sums + other.sums, self.factors + other.factors)

    def seconds(self, rates: Operations) -> float:
        """The time at ``rates``, operations in a second."""
        return self.products / rates.products + self.sums / rates.sums + self.factors / rates.factors


def of_run(campaign: Campaign, d: int) -> Operations:
    """Those of one run of a campaign."""
    return sum((of_sweep(sweep, default_test(d) // campaign.queries, campaign.queries) for sweep in campaign.sweeps(d)), Operations())


def of_sweep(sweep: Sweep, test: int, queries: int = 1) -> Operations:
    """Those of points which share one draw, with ``test`` contexts for each of two errors.

    Examples
    --------
    A ReLU head with m = n = 100 at d = 10 and fresh tasks, 50 contexts for the one test:

    >>> from hermite_eq import RandomTransformer, Sizes, Task
    >>> sizes = Sizes(10, 10, math.inf, 100, 100)
    >>> of_sweep(Sweep((0,), Task("relu"), (RandomTransformer("relu", 1.0),), (sizes,), "samples"), 50)  # doctest: +ELLIPSIS
    Operations(products=3300000.0, sums=1000000.0, factors=333333.3...)
    """
    ridges: dict[HeadKind, set[float]] = defaultdict(set)
    for model in sweep.models:
        if not isinstance(model, DiscreteMMSE):
            ridges[HeadKind.of(model)].add(model.ridge)
    sizes, values = sweep.sizes, sorted(set(sweep.values))
    n, m, d = sizes.samples, sizes.hidden or 0, sizes.d
    width, tests = d * (d + 1), 1 if sizes.tasks == math.inf else 2
    tested = tests * test * (1 if queries == 1 else (width + queries * d) / width)
    of_unit = 2 * width
    units = units_of(list(ridges), sizes, sweep.axis, values)
    total = Operations(products=of_unit * m * (n + tested) * any(not head.linear for head in ridges))
    gradients: dict[StepSource, dict[int, int]] = defaultdict(dict)
    counted = set()
    for unit in units:
        head = unit.head
        if unit.gradient is None:
            if sweep.axis == "samples":
                total += _samples(width if head.linear else m, values, len(ridges[head]))
            else:
                total += _samples(width, [n], len(ridges[head])) if head.linear else _hidden(n, values, len(ridges[head]))
            continue
        source, (samples, hidden) = unit.gradient
        total += _samples(hidden, [samples], len(ridges[head]))
        gradients[source][hidden] = max(samples, gradients[source].get(hidden, 0))
        if head.step is not None and not head.step.rank_one:
            counted.add(unit.gradient)
    for points in gradients.values():
        terms = sum(hidden * samples for hidden, samples in points.items())
        total += Operations(products=of_unit * (m * max(points.values()) + terms))
    return total + Operations(products=sum(of_unit * hidden * (samples + tested) for _, (samples, hidden) in counted))


def _samples(width: int, points: list[int], penalties: int) -> Operations:
    """Sums of products and factors of a head with ``width`` features at nested numbers of samples."""
    dual, most = max((n for n in points if n < width), default=0), max(points)
    sums = dual**2 * width + (most * width**2 if most >= width else 0)
    return Operations(sums=sums, factors=penalties * sum(min(n, width) ** 3 / 3 for n in points))


def _hidden(n: int, points: list[int], penalties: int) -> Operations:
    """The same at nested numbers of hidden units, of which those up to n have one factor for each penalty."""
    narrow, wide = max((m for m in points if m <= n), default=0), [m for m in points if m > n]
    sums = n * narrow**2 + max(wide, default=0) * n**2
    return Operations(sums=sums, factors=penalties * (narrow**3 / 3 + len(wide) * n**3 / 3))
