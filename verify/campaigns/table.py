"""The campaigns: the figures of the two papers which study ridge-trained models, and three which no paper has.

The papers give the parameters; the values along the axes, and of λ in [RT] Fig. 2c, they show only as drawn, and are chosen here.
"""

from __future__ import annotations

import math

import hermite_eq
from hermite_eq.models import LinearTransformer, Model, RandomTransformer, Ratios, Task
from hermite_eq.simulate import DiscreteMMSE
from verify.campaigns.campaign import Axis, Campaign, Error, Panel, by_name
from verify.profile import TAUS
from verify.transformers import DEGREES, HEADS, NOISE, RIDGE, distinct_degree

ALPHAS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)
TAUS_LA = (0.2, 0.4, 0.6, 0.8, 0.9, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0)
#: m/n on both sides of the threshold, none at it: there the error has no mean to estimate at λ = 1e-8.
WIDTHS = (0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.1, 1.25, 1.5, 1.75, 2.0)
RIDGES = (1e-8, 1e-2, 1e-1, 1.0)
#: λ near the best at τ = 1.5, d = 40, for the linear Transformer, with intercept, and the ReLU head; half and twice as much are worse.
NEAR_BEST = (4.0, 3.0, 100.0)


def heads(activations: tuple[str, ...] = HEADS, ridges: tuple[float, ...] = (RIDGE,)) -> tuple[Model, ...]:
    """For each λ the linear Transformer without and with intercept, each head, and its equivalents of the distinct degrees r ≤ 4."""
    models: list[Model] = []
    for ridge in ridges:
        models += [LinearTransformer(ridge), LinearTransformer(ridge, intercept=True)]
        for sigma in activations:
            models.append(RandomTransformer(sigma, ridge))
            degrees = (r for r in DEGREES if distinct_degree(sigma, r) == r)
            models += [RandomTransformer(hermite_eq.equivalent_model(sigma, r), ridge) for r in degrees]
    return tuple(models)


_RT = Ratios(alpha=1.0, kappa=0.5, tau=1.5, mu=1.0)
_RIDGELESS: tuple[Model, ...] = (LinearTransformer(0.0),)


def _linear(noise: float) -> Task:
    return Task("identity", noise)


def _three(linear: float, intercept: float, head: float) -> tuple[Model, ...]:
    """The linear Transformer, the same with intercept, and the ReLU head, each with its λ."""
    return LinearTransformer(linear), LinearTransformer(intercept, intercept=True), RandomTransformer("relu", head)


def _against_context(tau: float, noise: float, kappas: tuple[float, ...], error: Error) -> Panel:
    families = tuple(Ratios(alpha=1.0, kappa=kappa, tau=tau) for kappa in kappas)
    return Panel(_linear(noise), _RIDGELESS, "context", (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0), families, (error,))


#: Target, axis and values of [RT] Fig. 1a, 1b and 2b.
_PLAIN: tuple[tuple[str, Axis, tuple[float, ...]], ...] = (("relu", "samples", TAUS), ("tanh", "samples", TAUS), ("relu", "hidden", WIDTHS))


CAMPAIGNS: dict[str, Campaign] = by_name([
    Campaign(
        "rt-fig1a", "[RT] Fig. 1a", "With a ReLU head the Transformer beats the linear one for a ReLU target at every n; with tanh it does "
        "not; the equivalent models match.",
        (Panel(Task("relu", NOISE), heads(), "samples", TAUS, (_RT,)),), d=80, runs=20, seed=2025_01,
    ),
    Campaign(
        "rt-fig1b", "[RT] Fig. 1b", "With a tanh head the Transformer is slightly better than the linear one for a tanh target; the "
        "equivalent models match.",
        (Panel(Task("tanh", NOISE), heads(), "samples", TAUS, (_RT,)),), d=80, runs=20, seed=2025_02,
    ),
    Campaign(
        "rt-fig2a", "[RT] Fig. 2a", "The error falls with the context length; beyond ℓ ≈ d the heads beat the linear Transformer.",
        (Panel(Task("relu", NOISE), heads(), "context", ALPHAS, (_RT,)),), d=80, runs=20, seed=2025_03,
    ),
    Campaign(
        "rt-fig2b", "[RT] Fig. 2b", "Double descent in m with its peak at m ≈ n; the best m is moderately above n.",
        (Panel(Task("relu", NOISE), heads(), "hidden", WIDTHS, (_RT,)),), d=80, runs=20, seed=2025_04,
    ),
    Campaign(
        "rt-fig2c", "[RT] Fig. 2c", "Regularisation takes the peak at m ≈ n away.",
        (Panel(Task("relu", NOISE), heads(("relu",), RIDGES), "hidden", WIDTHS, (_RT,)),), d=80, runs=20, seed=2025_05,
    ),
    Campaign(
        "la-fig1", "[LA] Fig. 1", "Double descent in n with its peak at n = d², which a ridge takes away; theory and simulation agree.",
        (
            Panel(_linear(0.01), _RIDGELESS, "samples", TAUS_LA,
                  tuple(Ratios(alpha=alpha, kappa=0.5, tau=1.0) for alpha in (1, 10, 100)), ("idg", "icl")),
            Panel(_linear(0.01), tuple(LinearTransformer(ridge) for ridge in (1e-5, 0.1, 1.0)), "samples",
                  TAUS_LA, (Ratios(alpha=10, kappa=math.inf, tau=1.0),)),
        ),
        d=100, runs=10, seed=2024_01,
    ),
    Campaign(
        "la-fig2", "[LA] Fig. 2", "The error need not fall with the context length: it can have a minimum at a finite α.",
        (
            _against_context(0.5, 0.5, (0.1, 0.3, 0.5, 0.7, 2.0), "idg"),
            _against_context(0.5, 0.1, (0.2, 0.4, 0.5, 0.6, 1.5), "icl"),
            _against_context(20.0, 0.5, (0.25, 0.75, 1.0, 1.1, 2.0), "icl"),
        ),
        d=100, runs=20, seed=2024_02,
    ),
    Campaign(
        "la-fig4", "[LA] Fig. 4", "The price g_task of unseen tasks falls with their diversity, to zero beyond κ = 1 as α grows, "
        "far faster than for the dMMSE estimator.",
        (Panel(_linear(0.01), (*_RIDGELESS, DiscreteMMSE()), "tasks", (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0),
               tuple(Ratios(alpha=alpha, kappa=1.0, tau=0.2 * alpha) for alpha in (2, 10, 50)), ("g_task",)),),
        d=100, runs=20, seed=2024_04,
    ),
    Campaign(
        "norm-fig", "Finite d", "The finite-d error is off its limit by O(1/d), and most of that is the fluctuating norm of the head's "
        "input: with that norm fixed the Transformer is near its limit at every d.",
        (Panel(Task("relu", NOISE), (RandomTransformer("relu", RIDGE), RandomTransformer("relu", RIDGE, normalise=True)), "samples", TAUS,
               (_RT,)),), d=80, runs=20, seed=2025_06, theory_at=(40, 80, 160, math.inf),
    ),
    Campaign(
        "heads-fig", "The plain heads", "At every point of the ReLU and tanh heads in [RT] Fig. 1a, 1b and 2b the theory at this d is "
        "within 2 % or 3 standard errors of the simulation, for the ICL and the in-distribution error, the peak included.",
        tuple(
            Panel(Task(target, NOISE), tuple(RandomTransformer(sigma, RIDGE) for sigma in HEADS), axis, values, (_RT,), ("icl", "idg"))
            for target, axis, values in _PLAIN
        ),
        d=80, runs=20, seed=2025_08,
    ),
    Campaign(
        "honest-fig", "The intercept", "What a ReLU head gains over the linear Transformer is the mean label: linear + intercept gains as "
        "much or more, most of all when every model has its best λ.",
        (
            Panel(Task("relu", NOISE), _three(RIDGE, RIDGE, RIDGE), "samples", TAUS, (_RT,)),
            Panel(Task("relu", NOISE), _three(*NEAR_BEST), "samples", TAUS, (_RT,)),
        ),
        d=80, runs=20, seed=2025_07,
    ),
])
