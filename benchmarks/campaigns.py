r"""A campaign's curve in m beside the plain way: each point refitted by a library's ridge regression in double precision.

    python -m benchmarks.campaigns            # d = 24, seconds
    python -m benchmarks.campaigns --d 40     # a minute

Both see the same draw, and the errors they find are compared: at λ = 1e-4 to 1e-6 of their size. Needs scikit-learn (the extra
``benchmarks``). Also the time a run of every campaign takes.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from benchmarks.simulate import show
from hermite_eq import RandomTransformer, Sizes, Task
from hermite_eq.simulate import icl_curve
from hermite_eq.simulate.laws import Contexts
from hermite_eq.simulate.sampler import child_seeds
from hermite_eq.simulate.training.draw import draw_run
from verify.campaigns.ridge_trained import RIDGE_TRAINED, WIDTHS
from verify.command_line import command_line, positive
from verify.cost.rates import seconds
from verify.store.run import simulate_run

TASK = Task("relu", noise=0.01)
RIDGE = 1e-4
#: Arguments of the smallest run.
SMALLEST = ("--d", "8", "--campaigns", "rt-fig1a")
Array = NDArray[np.float64]


def refit(head: RandomTransformer, sizes: Sizes, hidden: list[int], test: int) -> Array:
    """ICL and in-distribution errors, shape (points, 2), by a new fit at every m."""
    sigma: Any = head.activation
    errors = []
    for m in hidden:
        draw = draw_run(TASK, dataclasses.replace(sizes, hidden=m), test, True, np.float64, child_seeds(0, range(1))[0])
        assert draw.again is not None

        def features(contexts: Contexts, layer: Any = draw.layer) -> Array:
            return np.asarray(sigma(contexts.h() @ layer.T))

        fit = Ridge(alpha=head.ridge * sizes.samples / sizes.d, fit_intercept=False, solver="cholesky")
        fit.fit(features(draw.training), draw.training.y)
        errors.append([np.mean((tested.y - fit.predict(features(tested))) ** 2) for tested in (draw.fresh, draw.again)])
    return np.array(errors)


def width_curve(d: int) -> None:
    """[RT] Fig. 2b at λ = 1e-4."""
    n = round(1.5 * d * d)
    hidden = [round(n * ratio) for ratio in WIDTHS]
    sizes, test = Sizes(d, d, d // 2, n, max(hidden)), max(2000, 2 * d * d)
    head = RandomTransformer("relu", RIDGE)
    curves: list[Any] = []

    def curve(precision: Any) -> None:
        curves.append(icl_curve(head, TASK, sizes, hidden=hidden, runs=1, rng=0, test=test, precision=precision))

    plain: list[Array] = []
    reference = seconds(lambda: plain.append(refit(head, sizes, hidden, test)))
    for precision in ("double", "single"):
        show(
            f"curve of {len(hidden)} m from 0.1 n to 2 n, d = {d}, {precision} features",
            seconds(lambda p=precision: curve(p)),  # type: ignore[misc]
            "scikit-learn, each point refitted",
            reference,
        )
    ours = np.stack([curves[0].icl_runs[0], curves[0].idg_runs[0]], axis=1)
    print(f"largest relative difference of the errors, double features: {np.abs(ours / plain[0] - 1).max():.1e}")


def runs(d: int, names: Sequence[str]) -> None:
    for campaign in (chosen for chosen in RIDGE_TRAINED if chosen.name in names):
        start = time.perf_counter()
        simulate_run(campaign, d, 0, 4 * 10**9, 0)
        print(f"one run of {campaign.name}, d = {d}: {time.perf_counter() - start:.2f} s", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and measure."""
    parser = command_line("benchmarks.campaigns", __doc__, SMALLEST)
    parser.add_argument("--d", type=positive, default=24, help="dimension (24)")
    names = [campaign.name for campaign in RIDGE_TRAINED]
    parser.add_argument("--campaigns", nargs="+", choices=names, default=names, metavar="name", help=f"runs of these ({', '.join(names)})")
    arguments = parser.parse_args(argv)
    width_curve(arguments.d)
    runs(arguments.d, arguments.campaigns)
    return 0


if __name__ == "__main__":
    sys.exit(main())
