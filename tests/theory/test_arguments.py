"""What a question of the theory cannot be asked about is refused by name, never answered for something else."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from hermite_eq.errors import HypothesisError
from hermite_eq.models import LinearTransformer, OneStepTransformer, RandomTransformer, Ratios, Sizes, Source, Task
from hermite_eq.theory import (
    TaskPopulation,
    bayes_error,
    best_head,
    context_ridge_error,
    dmmse_limit,
    exact_bayes_error,
    head_error,
    icl_curve,
    icl_gradient,
    interpolation_peak,
    optimal_context,
    optimal_ridge,
    optimal_ridge_curve,
    phase_diagram,
)
from hermite_eq.theory.spectra.marchenko_pastur import density, support
from hermite_eq.theory.spectra.wishart import wishart_density

RELU, IDENTITY = Task("relu", noise=0.01), Task("identity", noise=0.1)
TWO = Task(sources=[Source("relu", noise=0.1), Source("relu", noise=0.2)], weights=[0.5, 0.5])
LINEAR, HEAD = LinearTransformer(0.1), RandomTransformer("relu", 0.1)
STEP = OneStepTransformer("relu", step_size=1.0, ridge=0.1)
RATIOS = Ratios(1, 0.5, 1.5, 2)
SIZES = Sizes.from_ratios(16, alpha=1, kappa=math.inf, tau=1.5, mu=2)

SEVERAL = (
    "the task has one isotropic source; found 0.5 × (target relu, noise variance 0.1) + 0.5 × (target relu, noise variance 0.2). Repair: "
    "pass hermite_eq.Task(target, noise=0.01)"
)
UNTRAINED = (
    "the model is a LinearTransformer or a RandomTransformer; found OneStepTransformer. "
    "Repair: pass LinearTransformer(ridge=…) or RandomTransformer(activation, ridge=…)"
)
NAME = "error is one of icl, idg; found error='ICL'. Repair: pass error=\"icl\""
LIMIT = "this is evaluated in the limit: at Ratios; found Sizes. Repair: pass Ratios(alpha=…, kappa=…, tau=…)"
FINITE = "this is evaluated at finite d: at Sizes; found Ratios. Repair: pass Sizes.from_ratios(d, …)"

CALLS: list[tuple[Callable[[], object], str]] = [
    (lambda: icl_gradient(LINEAR, TWO, SIZES), SEVERAL),
    (lambda: interpolation_peak(LINEAR, TWO, SIZES), SEVERAL),
    (lambda: optimal_context(LINEAR, TWO, kappa=1, tau=2), SEVERAL),
    (lambda: bayes_error(TWO, 1.0), SEVERAL),
    (lambda: context_ridge_error(TWO, 1.0), SEVERAL),
    (lambda: dmmse_limit(TWO, 1.0), SEVERAL),
    (lambda: TaskPopulation.from_covariances(TWO, np.ones(3)), SEVERAL),
    # A head without its step is another model.
    (lambda: interpolation_peak(STEP, RELU, SIZES), UNTRAINED),  # type: ignore[arg-type]
    (lambda: icl_gradient(STEP, RELU, SIZES), UNTRAINED),  # type: ignore[arg-type]
    (lambda: optimal_ridge(LINEAR, RELU, RATIOS, "ICL"), NAME),  # type: ignore[arg-type]
    (lambda: optimal_ridge_curve(LINEAR, RELU, [SIZES], "ICL"), NAME),  # type: ignore[arg-type]
    (lambda: best_head(RELU, RATIOS, "ICL"), NAME),  # type: ignore[arg-type]
    (lambda: optimal_context(LINEAR, RELU, kappa=1, tau=2, error="ICL"), NAME),  # type: ignore[arg-type]
    (lambda: phase_diagram(LINEAR, "relu", kappa=1, noise=0.1, tau=2, error="ICL"), NAME),  # type: ignore[arg-type]
    (lambda: interpolation_peak(LINEAR, RELU, RATIOS, "tau", "ICL"), NAME),  # type: ignore[arg-type]
    (lambda: icl_gradient(LINEAR, RELU, RATIOS, "ICL"), NAME.replace("icl, idg", "icl, idg, bias, variance")),  # type: ignore[arg-type]
    (lambda: interpolation_peak(LINEAR, RELU, RATIOS, "alpha"),  # type: ignore[arg-type]
     "along is one of tau, mu; found along='alpha'. Repair: pass along=\"tau\""),
    (lambda: best_head(RELU, SIZES), LIMIT),  # type: ignore[arg-type]
    (lambda: head_error(1.0, RELU, SIZES), LIMIT),  # type: ignore[arg-type]
    (lambda: icl_curve(LINEAR, TaskPopulation.from_covariances(RELU, np.ones(3)), [SIZES]), LIMIT),
    (lambda: optimal_ridge_curve(LINEAR, RELU, [RATIOS]), FINITE),  # type: ignore[list-item]
    (lambda: exact_bayes_error(IDENTITY, RATIOS), FINITE),  # type: ignore[arg-type]
    (lambda: interpolation_peak(LINEAR, RELU, 3), FINITE.replace("Ratios", "int")),  # type: ignore[arg-type]
    (lambda: icl_curve(LINEAR, RELU, RATIOS),
     "from one point a curve is along one axis; found none. Repair: pass samples=[100, 200], say, or a list of points"),
    (lambda: support(-1.0), "the law has a density for 0 < kappa < inf; found kappa=-1.0. Repair: at kappa=inf all mass is at 1"),
    (lambda: density(math.nan, 1.0), "a density is taken at numbers; found s=nan. Repair: leave NaN out"),
    (lambda: wishart_density(0, 3), "a Wishart matrix has a size and degrees of freedom; found d=0, k=3. Repair: pass positive integers"),
    (lambda: TaskPopulation.from_mean_spectrum(RELU, 8, 2.5),  # type: ignore[arg-type]
     "tasks is a positive integer; found tasks=2.5. Repair: pass tasks=1 or more"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), CALLS)
def test_messages(call: Callable[[], object], message: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        call()
    assert str(caught.value) == message


def test_what_is_cached_cannot_be_changed() -> None:
    nodes, weights = wishart_density(3, 5)
    for kept in (nodes, weights):
        with pytest.raises(ValueError, match="read-only"):
            kept[0] = 0.0


def test_several_sources_keep_their_errors_and_ridges() -> None:
    """What knows several sources is not refused."""
    assert math.isfinite(icl_curve(HEAD, TWO, [SIZES]).icl[0])
