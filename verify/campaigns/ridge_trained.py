"""The figures of the two papers which study ridge-trained models, and four which no paper has.

The papers give the parameters; the values along the axes, and of λ in [RT] Fig. 2c, they show only as drawn, and are chosen here.
"""

from __future__ import annotations

import math
from functools import partial

from hermite_eq.models import LinearTransformer, Model, RandomTransformer, Ratios, Task
from hermite_eq.simulate import DiscreteMMSE
from verify.campaigns.campaign import Axis, Campaign, Error, Panel, curves_panel, label
from verify.campaigns.heads import HEADS, NOISE, RIDGE, TAUS, heads
from verify.claims.statements import (
    beats,
    best_value,
    diversity_helps,
    every_curve_peaks,
    falls,
    gains_little,
    gaps_as_predicted,
    limit_follows,
    lower_on_average,
    near_theory,
    nearer_to_the_limit,
    peaks,
    ridge_helps,
    wide_is_best,
)

ALPHAS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)
TAUS_LA = (0.2, 0.4, 0.6, 0.8, 0.9, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0)
#: m/n on both sides of the threshold, none at it: there the error has no mean to estimate at λ = 1e-8.
WIDTHS = (0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.1, 1.25, 1.5, 1.75, 2.0)
RIDGES = (1e-8, 1e-2, 1e-1, 1.0)


def _three(linear: float, intercept: float, head: float) -> tuple[Model, Model, Model]:
    """The linear Transformer, the same with intercept, and the ReLU head, each with its λ."""
    return LinearTransformer(linear), LinearTransformer(intercept, intercept=True), RandomTransformer("relu", head)


_RT = Ratios(alpha=1.0, kappa=0.5, tau=1.5, mu=1.0)
_RIDGELESS = (LinearTransformer(0.0),)
_RELU_TASK = Task("relu", NOISE)
_PLAIN = _three(RIDGE, RIDGE, RIDGE)
#: λ near the best at τ = 1.5, d = 40; half and twice as much are worse.
_BEST = _three(4.0, 3.0, 100.0)
LINEAR, INTERCEPT, RELU = map(label, _PLAIN)
_LINEAR_BEST, _INTERCEPT_BEST, _RELU_BEST = map(label, _BEST)
TANH = label(RandomTransformer("tanh", RIDGE))
#: Target, axis and values of [RT] Fig. 1a, 1b and 2b.
_FIGURES: tuple[tuple[str, Axis, tuple[float, ...]], ...] = (
    ("relu", "samples", TAUS),
    ("tanh", "samples", TAUS),
    ("relu", "hidden", WIDTHS),
)
_PEAKS = tuple(partial(peaks, f"{sigma} head: the error peaks at n ≈ m", name) for sigma, name in (("relu", RELU), ("tanh", TANH)))
_OF_LINEAR = "beats the linear Transformer at every n"
_INTERCEPT_WINS = "linear + intercept beats the ReLU head, on average over n"


def _linear(noise: float) -> Task:
    return Task("identity", noise)


def _against_context(tau: float, noise: float, kappas: tuple[float, ...], error: Error) -> Panel:
    ratios = (Ratios(alpha=1.0, kappa=kappa, tau=tau) for kappa in kappas)
    return curves_panel("context", (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0), _linear(noise), _RIDGELESS, *ratios, errors=(error,))


def _point(target: str, noise: float, alpha: float, kappa: float, tau: float, ridge: float, intercept: bool = False) -> Panel:
    model = LinearTransformer(ridge, intercept)
    return curves_panel("samples", (tau,), Task(target, noise), (model,), Ratios(alpha=alpha, kappa=kappa, tau=tau), errors=("icl", "idg"))


RIDGE_TRAINED = (
    Campaign(
        "rt-fig1a",
        "[RT] Fig. 1a",
        "With a ReLU head the Transformer beats the linear one for a ReLU target at every n; with tanh it does "
        "not; the equivalent models match.",
        (curves_panel("samples", TAUS, _RELU_TASK, heads(), _RT),),
        d=80,
        runs=20,
        seed=2025_01,
        claims=(
            partial(beats, f"the ReLU head {_OF_LINEAR}", RELU, LINEAR, INTERCEPT),
            partial(beats, "the ReLU head beats linear + intercept at every n (not compared in the paper)", RELU, INTERCEPT),
            partial(gains_little, "the tanh head gains little over linear", TANH, LINEAR),
            *_PEAKS,
            partial(gaps_as_predicted, HEADS),
        ),
    ),
    Campaign(
        "rt-fig1b",
        "[RT] Fig. 1b",
        "With a tanh head the Transformer is slightly better than the linear one for a tanh target; the equivalent models match.",
        (curves_panel("samples", TAUS, Task("tanh", NOISE), heads(), _RT),),
        d=80,
        runs=20,
        seed=2025_02,
        claims=(
            partial(beats, f"the tanh head {_OF_LINEAR}", TANH, LINEAR, INTERCEPT),
            partial(gains_little, "and it gains little", TANH, LINEAR),
            *_PEAKS,
            partial(gaps_as_predicted, HEADS),
        ),
    ),
    Campaign(
        "rt-fig2a",
        "[RT] Fig. 2a",
        "The error falls with the context length; beyond ℓ ≈ d the heads beat the linear Transformer.",
        (curves_panel("context", ALPHAS, _RELU_TASK, heads(), _RT),),
        d=80,
        runs=20,
        seed=2025_03,
        claims=(
            *(partial(falls, f"{name.partition(',')[0]}: the error falls with ℓ", name) for name in (LINEAR, RELU, TANH)),
            partial(beats, "for ℓ ≥ d the ReLU head beats the linear Transformer", RELU, LINEAR, INTERCEPT, low=1.0),
            partial(beats, "and it already does for ℓ < d (paper: only beyond a threshold ℓ ≈ d)", RELU, LINEAR, INTERCEPT, high=1.0),
            partial(beats, "for ℓ ≥ d the ReLU head beats linear + intercept (not compared in the paper)", RELU, INTERCEPT, low=1.0),
            partial(gaps_as_predicted, HEADS),
        ),
    ),
    Campaign(
        "rt-fig2b",
        "[RT] Fig. 2b",
        "Double descent in m with its peak at m ≈ n; the best m is moderately above n.",
        (curves_panel("hidden", WIDTHS, _RELU_TASK, heads(), _RT),),
        d=80,
        runs=20,
        seed=2025_04,
        claims=(
            *(
                claim
                for sigma, name in (("relu", RELU), ("tanh", TANH))
                for claim in (
                    partial(peaks, f"{sigma} head: the error peaks at m ≈ n", name),
                    partial(wide_is_best, f"{sigma} head: the best m > n beats the best m < n", name),
                )
            ),
            partial(gaps_as_predicted, HEADS),
        ),
    ),
    Campaign(
        "rt-fig2c",
        "[RT] Fig. 2c",
        "Regularisation takes the peak at m ≈ n away.",
        (curves_panel("hidden", WIDTHS, _RELU_TASK, heads(("relu",), RIDGES), _RT),),
        d=80,
        runs=20,
        seed=2025_05,
        claims=(
            partial(peaks, f"λ = {RIDGES[0]:g}: the error peaks at m ≈ n", RELU),
            partial(ridge_helps, "m = n", "relu"),
            partial(peaks, f"λ = {RIDGES[-1]:g}: no peak is left at m ≈ n", label(RandomTransformer("relu", RIDGES[-1])), present=False),
            partial(gaps_as_predicted, ("relu",)),
        ),
    ),
    Campaign(
        "la-fig1",
        "[LA] Fig. 1",
        "Double descent in n with its peak at n = d², which a ridge takes away; theory and simulation agree.",
        (
            curves_panel(
                "samples",
                TAUS_LA,
                _linear(0.01),
                _RIDGELESS,
                *(Ratios(alpha=alpha, kappa=0.5, tau=1.0) for alpha in (1, 10, 100)),
                errors=("idg", "icl"),
            ),
            curves_panel(
                "samples",
                TAUS_LA,
                _linear(0.01),
                tuple(LinearTransformer(ridge) for ridge in (1e-5, 0.1, 1.0)),
                Ratios(alpha=10, kappa=math.inf, tau=1.0),
            ),
        ),
        d=100,
        runs=10,
        seed=2024_01,
        claims=(partial(every_curve_peaks, "n ≈ d²", panel=0), partial(ridge_helps, "n = d²", "linear", panel=1, than_the_smallest=True)),
    ),
    Campaign(
        "la-fig2",
        "[LA] Fig. 2",
        "The error need not fall with the context length: it can have a minimum at a finite α.",
        (
            _against_context(0.5, 0.5, (0.1, 0.3, 0.5, 0.7, 2.0), "idg"),
            _against_context(0.5, 0.1, (0.2, 0.4, 0.5, 0.6, 1.5), "icl"),
            _against_context(20.0, 0.5, (0.25, 0.75, 1.0, 1.1, 2.0), "icl"),
        ),
        d=100,
        runs=20,
        seed=2024_02,
        claims=(partial(best_value, "α"),),
    ),
    Campaign(
        "la-fig4",
        "[LA] Fig. 4",
        "The price g_task of unseen tasks falls with their diversity, to zero beyond κ = 1 as α grows, "
        "far faster than for the dMMSE estimator.",
        (
            curves_panel(
                "tasks",
                (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0),
                _linear(0.01),
                (*_RIDGELESS, DiscreteMMSE()),
                *(Ratios(alpha=alpha, kappa=1.0, tau=0.2 * alpha) for alpha in (2, 10, 50)),
                errors=("g_task",),
            ),
        ),
        d=100,
        runs=20,
        seed=2024_04,
        claims=(diversity_helps,),
    ),
    Campaign(
        "norm-fig",
        "Finite d",
        "The finite-d error is off its limit by O(1/d), and most of that is the fluctuating norm of the head's "
        "input: with that norm fixed the Transformer is near its limit at every d.",
        (curves_panel("samples", TAUS, _RELU_TASK, tuple(RandomTransformer("relu", RIDGE, length) for length in (False, True)), _RT),),
        d=80,
        runs=20,
        seed=2025_06,
        claims=(nearer_to_the_limit,),
        theory_at=(40, 80, 160, math.inf),
    ),
    Campaign(
        "heads-fig",
        "The plain heads",
        "At every point of the ReLU and tanh heads in [RT] Fig. 1a, 1b and 2b the theory at this d is "
        "within 2 % or 3 standard errors of the simulation, for the ICL and the in-distribution error, the peak included.",
        tuple(
            curves_panel(
                axis, values, Task(target, NOISE), tuple(RandomTransformer(sigma, RIDGE) for sigma in HEADS), _RT, errors=("icl", "idg")
            )
            for target, axis, values in _FIGURES
        ),
        d=80,
        runs=20,
        seed=2025_08,
        claims=(partial(near_theory, (("icl", 0.02), ("idg", 0.02)), 3.0),),
    ),
    Campaign(
        "honest-fig",
        "The intercept",
        "What a ReLU head gains over the linear Transformer is the mean label: linear + intercept gains as "
        "much or more, most of all when every model has its best λ.",
        (curves_panel("samples", TAUS, _RELU_TASK, _PLAIN, _RT), curves_panel("samples", TAUS, _RELU_TASK, _BEST, _RT)),
        d=80,
        runs=20,
        seed=2025_07,
        claims=(
            partial(beats, f"λ = 1e-8: the ReLU head {_OF_LINEAR}", RELU, LINEAR, INTERCEPT),
            partial(lower_on_average, f"λ = 1e-8: {_INTERCEPT_WINS}", INTERCEPT, RELU),
            partial(beats, f"each near its best λ: the ReLU head {_OF_LINEAR}", _RELU_BEST, _LINEAR_BEST, _INTERCEPT_BEST, panel=1),
            partial(lower_on_average, f"each near its best λ: {_INTERCEPT_WINS}", _INTERCEPT_BEST, _RELU_BEST, panel=1),
            *(
                partial(lower_on_average, f"near its best λ {name} beats the best constant, on average over n", best, None, panel=1)
                for name, best in (("linear + intercept", _INTERCEPT_BEST), ("the ReLU head", _RELU_BEST))
            ),
        ),
    ),
    Campaign(
        "linear-fig",
        "The linear Transformer at finite d",
        "The theory at d holds of the linear Transformer for every target, and the gap of its limit vanishes as 1/d.",
        (
            _point("identity", 0.1, 1, 0.5, 0.5, 1e-2),
            _point("identity", 0.5, 3, 2, 0.7, 0.0),
            _point("relu", 0.1, 1, 0.5, 0.6, 1e-3),
            _point("relu", 0.01, 2, math.inf, 0.4, 0.1, True),
            _point("tanh", 0.1, 1, 1, 0.5, 1e-2),
            _point("abs", 0.2, 1, 0.5, 0.5, 1e-2, True),
            _point("identity", 0.1, 1, 0.5, 1.3, 1e-2),
            _point("relu", 0.01, 1, 0.5, 1.3, 1e-3, True),
        ),
        d=40,
        runs=60,
        seed=2024_05,
        claims=(limit_follows,),
    ),
)
