"""Hypothesis strategies for activations, targets, ratios, sizes, covariances and tasks; they shrink towards the simple ones."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import sympy
from numpy.typing import NDArray

from hermite_eq.activations import Activation, activation
from hermite_eq.activations.names.registry import registered, registered_names
from hermite_eq.arguments import count, flag, non_negative, one_of, positive
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion import coefficients
from hermite_eq.hermite import X
from hermite_eq.models import (
    Diagonal,
    Identity,
    PowerLaw,
    Ratios,
    Sizes,
    Source,
    Spike,
    Structure,
    Task,
    Toeplitz,
)
from hermite_eq.simulate.options import default_test

try:
    from hypothesis import assume
    from hypothesis import strategies as st
    from hypothesis.strategies import SearchStrategy
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        "the strategies of hermite_eq.testing need the package hypothesis; install it by: pip install 'hermite-eq[testing]'"
    ) from missing

Array = NDArray[np.float64]
Parity = Literal["even", "odd"]

#: Longest list that hypothesis draws in reasonable time.
_LARGEST_LIST = 10_000
#: Rational numbers of one digit: scales (not zero) and shifts.
_SCALES = tuple(sympy.Rational(p, q) for p, q in ((1, 1), (1, 2), (2, 1), (-1, 1), (3, 2), (-1, 2), (1, 3), (-2, 1), (2, 3), (-3, 2)))
_SHIFTS = tuple(sympy.Rational(p, q) for p, q in ((0, 1), (1, 1), (-1, 1), (1, 2), (-1, 2), (1, 3), (-1, 3), (3, 2), (-3, 2)))
#: Smallest part of a root mean square that is not constant, and largest root mean square, of a drawn activation.
_LEAST_SPREAD, _LARGEST_NORM = 0.05, 20.0


@dataclasses.dataclass(frozen=True)
class _Block:
    """A function φ from which expressions are built: φ(bx + c); ``closed``: every such combination has closed-form coefficients."""

    build: Callable[[sympy.Expr], sympy.Expr]
    parity: Parity | None
    kinks: int
    lipschitz: bool
    closed: bool


_BLOCKS: tuple[_Block, ...] = (
    _Block(lambda u: u, "odd", 0, True, True),
    _Block(lambda u: sympy.Max(u, 0), None, 1, True, True),
    _Block(lambda u: sympy.Abs(u), "even", 1, True, True),
    _Block(lambda u: sympy.sin(u), "odd", 0, True, True),
    _Block(lambda u: sympy.cos(u), "even", 0, True, True),
    _Block(lambda u: sympy.erf(u), "odd", 0, True, True),
    _Block(lambda u: sympy.tanh(u), "odd", 0, True, False),
    _Block(lambda u: sympy.atan(u), "odd", 0, True, False),
    _Block(lambda u: sympy.log(1 + sympy.exp(u)), None, 0, True, False),
    _Block(lambda u: sympy.Max(-1, sympy.Min(u, 1)), "odd", 2, True, True),
    _Block(lambda u: sympy.Max(sympy.Abs(u) - 1, 0), "even", 2, True, True),
    _Block(lambda u: u**2, "even", 0, False, True),
    _Block(lambda u: u**3, "odd", 0, False, True),
)


def _fits(sigma: Activation, lipschitz: bool | None, parity: str | None, kinks: int | None, closed_form: bool | None) -> bool:
    known = sigma.lipschitz is not None and math.isfinite(sigma.lipschitz)
    return (
        (lipschitz is None or known == lipschitz)
        and (parity is None or sigma.parity == parity)
        and (kinks is None or len(sigma.kinks) == kinks)
        and (closed_form is None or bool(sigma.closed_form) == closed_form)
    )


@functools.lru_cache(maxsize=4096)
def _well_scaled(sigma: Activation) -> bool:
    c = coefficients(sigma, 0)
    norm2 = float(c.estimate.norm2)
    spread2 = norm2 - float(np.asarray(c)[0]) ** 2
    return norm2 <= _LARGEST_NORM**2 and spread2 >= _LEAST_SPREAD**2


@functools.cache
def _shapes(lipschitz: bool | None, parity: str | None, kinks: int | None, closed_form: bool | None) -> tuple[tuple[_Block, ...], ...]:
    """The combinations of one to three blocks whose sum is of the kind asked for, unless terms cancel."""
    every = (shape for size in (1, 2, 3) for shape in itertools.combinations_with_replacement(_BLOCKS, size))
    return tuple(
        shape
        for shape in every
        if lipschitz in (None, all(block.lipschitz for block in shape))
        and (parity is None or all(block.parity == parity for block in shape))
        and kinks in (None, sum(block.kinks for block in shape))
        and closed_form in (None, all(block.closed for block in shape))
    )


@st.composite
def _composed(draw: Any, lipschitz: bool | None, parity: str | None, kinks: int | None, closed_form: bool | None) -> Activation:
    """A sum of one to three scaled and shifted blocks."""
    shape = draw(st.sampled_from(_shapes(lipschitz, parity, kinks, closed_form)))
    total, slope = sympy.Integer(0), sympy.Integer(0)
    for block in shape:
        weight, scale = draw(st.sampled_from(_SCALES)), draw(st.sampled_from(_SCALES))
        # A shift would break the parity that the blocks have.
        shift = sympy.Integer(0) if parity is not None else draw(st.sampled_from(_SHIFTS))
        total += weight * block.build(scale * X + shift)
        # erf has the slope 2/√π < 2; the others 1.
        slope += 2 * abs(weight * scale)
    total = sympy.expand(total) if total.is_polynomial(X) else total
    assume(total.has(X))
    sigma = dataclasses.replace(
        activation(total),
        closed_form=True if all(block.closed for block in shape) else None,
        lipschitz=float(slope) if all(block.lipschitz for block in shape) else None,
    )
    assume(_fits(sigma, lipschitz, parity, kinks, closed_form) and _well_scaled(sigma))
    return sigma


def activations(
    *, lipschitz: bool | None = True, parity: Parity | None = None, kinks: int | None = None, closed_form: bool | None = None
) -> SearchStrategy[Activation]:
    r"""Activations: members of the registry, and sums of up to three terms such as :math:`\tfrac12\max(2x-1,0)` with one-digit rationals.

    They are well scaled: E σ² ≤ 400, and Var σ(g) ≥ 1/400. Examples shrink to the first registered member that fails, or to one term
    with scale 1 and shift 0. The Lipschitz constant recorded for a sum is an upper bound.

    Parameters
    ----------
    lipschitz : bool or None
        Only Lipschitz activations (True), only others (False), or both (None).
    parity : {"even", "odd"}, optional
    kinks : int, optional
        The number of kinks; 0 for smooth ones.
    closed_form : bool, optional
        Only those (True) whose coefficients the exact engine has in closed form, or (False) those of which this is not known.

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> @settings(max_examples=10)
    ... @given(activations(parity="odd", kinks=0))
    ... def odd_activations_have_no_mean(sigma):
    ...     assert abs(np.asarray(coefficients(sigma, 0))[0]) < 1e-10
    >>> odd_activations_have_no_mean()
    """
    one_of(parity, (None, "even", "odd"), "parity", requirement="a parity is 'even', 'odd' or None", repair="pass parity='odd', say")
    lipschitz = None if lipschitz is None else flag(lipschitz, "lipschitz")
    closed_form = None if closed_form is None else flag(closed_form, "closed_form")
    kinks = None if kinks is None else count(kinks, "kinks")
    if not _shapes(lipschitz, parity, kinks, closed_form):
        raise HypothesisError(
            "a sum of up to three terms is of the kind asked for",
            f"lipschitz={lipschitz}, parity={parity}, kinks={kinks}, closed_form={closed_form}",
            "ask for fewer kinks, or none in particular",
        )
    entries = [entry for entry in map(registered, registered_names()) if not entry.parameters]
    named = [entry for entry in entries if _fits(entry, lipschitz, parity, kinks, closed_form) and _well_scaled(entry)]
    composed = _composed(lipschitz, parity, kinks, closed_form)
    return st.one_of(st.sampled_from(named), composed) if named else composed


def targets(*, signal: bool = True, closed_form: bool | None = None) -> SearchStrategy[Activation]:
    r"""Lipschitz targets σ*; with ``signal`` those with :math:`|a_1|=|\mathbb E\sigma_*(g)g|\ge0.05\,\|\sigma_*\|`, a linear signal.

    Parameters
    ----------
    signal : bool
    closed_form : bool, optional
        Only those with closed forms, or only those without.

    Examples
    --------
    >>> targets(signal=True).is_empty
    False
    """
    signal = flag(signal, "signal")
    every = activations(lipschitz=True, closed_form=closed_form)
    return every.filter(_has_signal) if signal else every


@functools.lru_cache(maxsize=4096)
def _has_signal(target: Activation) -> bool:
    c = coefficients(target, 1)
    return bool(abs(np.asarray(c)[1]) >= _LEAST_SPREAD * math.sqrt(float(c.estimate.norm2)))


#: Simple ratios between 1/4 and 4, 1 first.
_FRACTIONS = sorted({p / q for p in range(1, 9) for q in (1, 2, 4) if 0.25 <= p / q <= 4}, key=lambda v: (v != 1, abs(math.log(v)), v))


def ratios(*, hidden: bool = True, infinite_tasks: bool = True) -> SearchStrategy[Ratios]:
    """Ratios α, κ, τ, μ between 1/4 and 4, which shrink to 1; κ may be infinite; ``hidden=False`` leaves out μ.

    Parameters
    ----------
    hidden : bool
        Whether there is μ.
    infinite_tasks : bool
        Whether κ may be infinite.

    Examples
    --------
    >>> from hypothesis import find
    >>> find(ratios(), lambda found: found.tau > 2)
    Ratios(alpha=1.0, kappa=1.0, tau=2.5, mu=1.0)
    """
    hidden, infinite_tasks = flag(hidden, "hidden"), flag(infinite_tasks, "infinite_tasks")
    ratio = st.sampled_from(_FRACTIONS)
    kappa = st.sampled_from([*_FRACTIONS, math.inf]) if infinite_tasks else ratio
    return st.builds(Ratios, alpha=ratio, kappa=kappa, tau=ratio, mu=ratio if hidden else st.none())


def flops(sizes: Sizes) -> float:
    """Floating-point operations of one simulated run: features, the Gram matrix, its factorisation.

    >>> flops(Sizes(d=10, context=10, tasks=5, samples=200, hidden=100))
    50733333.333333336
    """
    width = sizes.d * (sizes.d + 1)
    m = width if sizes.hidden is None else sizes.hidden
    n, test = sizes.samples, default_test(sizes.d)
    least, most = sorted((n, m))
    features = 0 if sizes.hidden is None else 2 * (n + test) * width * m
    return features + least**2 * most + least**3 / 3


@st.composite
def _sizes(draw: Any, max_cost: float, least: int, hidden: bool, infinite_tasks: bool) -> Sizes:
    drawn = draw(ratios(hidden=hidden, infinite_tasks=infinite_tasks))

    def at(d: int) -> Sizes:
        # k ≤ n: every training task appears.
        kappa = drawn.kappa if math.isinf(drawn.kappa) else min(drawn.kappa, drawn.tau * d)
        return Sizes.from_ratios(d, alpha=drawn.alpha, kappa=kappa, tau=drawn.tau, mu=drawn.mu)

    largest = least
    while flops(at(largest + 1)) <= max_cost:
        largest += 1
    return at(draw(st.integers(least, largest)))


def sizes(*, max_cost: float = 1e9, min_d: int = 6, hidden: bool = True, infinite_tasks: bool = True) -> SearchStrategy[Sizes]:
    """Sizes in the proportional regime with at most ``max_cost`` floating-point operations per simulated run (``flops``).

    A core does some 2e10 operations a second. Examples shrink to ``min_d`` and ratios 1.

    Parameters
    ----------
    max_cost : float
    min_d : int
    hidden : bool
        Whether there are hidden units.
    infinite_tasks : bool
        Whether tasks may be a new one in every context.

    Raises
    ------
    HypothesisError
        If the budget does not reach ``min_d`` with all ratios 4.

    Examples
    --------
    >>> from hypothesis import find
    >>> find(sizes(max_cost=1e8), lambda found: found.d > 7)
    Sizes(d=8, context=8, tasks=8, samples=64, hidden=64)
    """
    hidden, infinite_tasks = flag(hidden, "hidden"), flag(infinite_tasks, "infinite_tasks")
    max_cost, min_d = positive(max_cost, "max_cost"), count(min_d, "min_d", least=1)
    worst = Sizes.from_ratios(min_d, alpha=4, kappa=4, tau=4, mu=4 if hidden else None)
    if flops(worst) > max_cost:
        raise HypothesisError(
            "the budget reaches the smallest d with every ratio",
            f"max_cost={max_cost:.2g} where d = {min_d} takes {flops(worst):.2g}",
            f"pass max_cost={flops(worst):.2g}, or a smaller min_d",
        )
    return _sizes(max_cost, min_d, hidden, infinite_tasks)


def covariances(*, d: int | None = None) -> SearchStrategy[Structure]:
    """Covariance structures: identity, spiked, power-law, Toeplitz, and (with ``d`` given) diagonal ones of unequal variances.

    All but the last have trace d in every dimension.

    >>> from hypothesis import find
    >>> print(find(covariances(), lambda structure: structure.norm(10) > 3))
    spike 4, trace d
    """
    d = None if d is None else count(d, "d", least=1, most=_LARGEST_LIST)
    spikes = st.builds(Spike, st.sampled_from((1.0, 2.0, 4.0, 8.0, 16.0, -0.5)), normalised=st.just(True))
    power = st.builds(PowerLaw, st.sampled_from((0.5, 1.0, 1.5, 2.0)))
    toeplitz = st.builds(Toeplitz, st.sampled_from((0.5, -0.5, 0.25, 0.75, 0.9)))
    structures: list[SearchStrategy[Structure]] = [st.just(Identity()), spikes, power, toeplitz]
    if d is not None:
        structures.append(
            st.lists(st.sampled_from((1.0, 2.0, 0.5, 4.0)), min_size=d, max_size=d).map(lambda entries: Diagonal(tuple(entries)))
        )
    return st.one_of(structures)


def _noises(most: float) -> SearchStrategy[float]:
    return st.sampled_from([level for level in (0.0, 0.01, 0.1, 0.25, 0.5, 1.0) if level <= most])


def tasks(*, signal: bool = True, max_noise: float = 1.0) -> SearchStrategy[Task]:
    """Isotropic tasks with one of :func:`targets` and a noise variance of 0, 0.01, 0.1 … up to ``max_noise``.

    Parameters
    ----------
    signal : bool
        As in :func:`targets`.
    max_noise : float

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> @settings(max_examples=5)
    ... @given(tasks(max_noise=0.1))
    ... def noise_is_small(task):
    ...     assert task.noise <= 0.1
    >>> noise_is_small()
    """
    max_noise = non_negative(max_noise, "max_noise")
    return st.builds(Task, targets(signal=signal), _noises(max_noise))


def mixtures(*, sources: int = 2, signal: bool = True, max_noise: float = 1.0) -> SearchStrategy[Task]:
    """Tasks of up to ``sources`` heterogeneous sources, which differ in target, noise, and the covariances of inputs and tasks.

    Parameters
    ----------
    sources : int
        At most so many.
    signal : bool
        As in :func:`targets`.
    max_noise : float
        Of the label noise, a variance.

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> @settings(max_examples=5)
    ... @given(mixtures(sources=3))
    ... def weights_sum_to_one(task):
    ...     assert abs(sum(task.weights) - 1) < 1e-12
    >>> weights_sum_to_one()
    """
    max_noise, sources = non_negative(max_noise, "max_noise"), count(sources, "sources", least=1)
    source = st.builds(Source, targets(signal=signal), _noises(max_noise), input_cov=covariances(), task_cov=covariances())
    return st.lists(source, min_size=1, max_size=sources).map(lambda drawn: Task(sources=drawn))
