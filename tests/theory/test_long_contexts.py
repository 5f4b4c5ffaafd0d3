"""At finite d and long contexts, where the noise in b is the smallest of its parts: a value, or a reason; never an undefined number."""

from __future__ import annotations

import itertools
import math

import pytest
from simulated import simulated

from hermite_eq.errors import HypothesisError
from hermite_eq.models import LinearTransformer, Ratios, Sizes, Task
from hermite_eq.theory import icl_error

HYPOTHESES = (
    "the noise in b exceeds its fluctuations over contexts, about whose mean the theory at finite d expands",
    "d, ℓ and k are large enough for the theory, whose remainder is of the next order in 1/d",
)


@pytest.mark.parametrize(("target", "d"), [("identity", 8), ("relu", 40)])
def test_every_size_has_a_value_or_a_reason(target: str, d: int) -> None:
    values, reasons = 0, set()
    for alpha, kappa, ridge in itertools.product((4, 300), (0.125, 2), (0.0, 0.01)):
        try:
            found = icl_error(LinearTransformer(ridge), Task(target, 0.01), Sizes.from_ratios(d, alpha=alpha, kappa=kappa, tau=2))
        except HypothesisError as error:
            reasons.add(error.hypothesis)
            continue
        assert math.isfinite(found.icl)
        assert math.isfinite(found.idg)
        values += 1
    assert values >= 3
    assert reasons <= set(HYPOTHESES)


def test_the_limit_is_what_the_refusal_says() -> None:
    """ℓ = 50 d, k = 2 d: refused; the gap of the limit to the simulation at least halves from d = 12 to 24, that of a wrong one not."""
    task, model = Task("identity", 0.01), LinearTransformer(0.01)
    sizes = [Sizes.from_ratios(d, alpha=50, kappa=2, tau=2) for d in (12, 24)]
    with pytest.raises(HypothesisError) as caught:
        icl_error(model, task, sizes[0])
    assert str(caught.value) == (
        f"{HYPOTHESES[0]}; found d=12 and ℓ=600, where it does not in 15% of the contexts. "
        "Repair: raise d, take shorter contexts, or the limit, which is closer here: Ratios(…) in place of Sizes"
    )
    small, large = (simulated(model, task, at, runs=40, rng=0).idg for at in sizes)
    # Five standard errors.
    slack = 5 * math.hypot(large.stderr, small.stderr / 2)
    limit, shorter = (icl_error(model, task, ratios).idg for ratios in (sizes[0].ratios, Ratios(10, 2, 2)))
    assert abs(large.mean - limit) < abs(small.mean - limit) / 2 + slack
    assert abs(large.mean - shorter) > abs(small.mean - shorter) / 2 + slack


def test_few_tasks_one_by_one_need_no_noise_in_b() -> None:
    """d = 12, ℓ = 50 d, k = 6: where many tasks are refused, tasks one by one are what is simulated; the limit is not."""
    task, model, sizes = Task("identity", 0.01), LinearTransformer(0.01), Sizes.from_ratios(12, alpha=50, kappa=0.5, tau=2)
    found, limit = icl_error(model, task, sizes), icl_error(model, task, sizes.ratios)
    seen = simulated(model, task, sizes, runs=40, rng=0)
    # Five standard errors: a false alarm in 10⁵ with 40 runs.
    assert abs(found.icl - seen.icl.mean) < 5 * math.hypot(seen.icl.stderr, found.icl_stderr)
    assert abs(found.idg - seen.idg.mean) < 5 * math.hypot(seen.idg.stderr, found.idg_stderr)
    assert abs(limit.icl - seen.icl.mean) > 5 * math.hypot(seen.icl.stderr, found.icl_stderr)
