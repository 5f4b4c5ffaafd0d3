"""The theory at extreme settings: every ratio, noise, ridge and scale at 0, at 1, beside it, and at the ends of double precision.

    python -m benchmarks.checks.extremes --settings 2000

Every setting gives numbers that pass all checks, or an error of hermite_eq. The checks: no warning; finite numbers, or a divergence that
is named; no error below the label noise; and by a second route the same number: in the limit errors are homogeneous of degree two in the
labels, and a head that is scaled by c with the ridge by c² is the same head. 2,000 settings take some minutes on one core.
"""

from __future__ import annotations

import math
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy

from hermite_eq import LinearTransformer, RandomTransformer, Ratios, Sizes, Task
from hermite_eq.errors import HypothesisError
from hermite_eq.models import Model, Source
from hermite_eq.theory import (
    TheoryError,
    bayes_error,
    best_head,
    context_ridge_error,
    icl_error,
    interpolation_peak,
    optimal_ridge,
)
from verify.command_line import command_line, positive

SMALLEST = ("--settings", "4")
_ABOVE, _BELOW = float(np.nextafter(1, 2)), float(np.nextafter(1, 0))
RATIOS = (1e-6, 0.5, _BELOW, 1.0, _ABOVE, 2.0, 1e6)
NOISES = (0.0, 5e-324, 1e-300, 1e-16, 0.1, 1.0, 1e6, 1e150, 1e300, sys.float_info.max)
RIDGES = (0.0, 5e-324, 1e-300, 1e-160, 1e-16, 0.1, 1.0, 1e16, 1e160, 1e200, 1e300, sys.float_info.max)
SCALES = (10.0**-200, 1e-6, 1.0, 1.0, 1.0, 1e6, 10.0**200)
TARGETS = ("x", "relu(x)", "abs(x)", "x^2-1", "tanh(x)", "sign(x)", "1")
HEADS = ("relu(x)", "tanh(x)", "x", "sign(x)", "x^2-1", "abs(x)")
DIMENSIONS = (4, 8, 20)
_EPS = float(np.finfo(float).eps)
#: Two routes agree to this share. At a ratio of 1 the effective ridge is a double root, which a relative change c of the coefficients
#: moves by √c; c = 64 ε is a chain of 128 roundings.
AGREE = 8 * math.sqrt(_EPS)
#: An error is a sum of terms (E y², the fit's cross term twice for the constant and for h, its square, the spread of the weights, noise
#: features) whose absolute values are 8 E y² at most, each a product of four rounded factors: 8 · 4 · ε/2.
ROUNDED = 16 * _EPS
#: Shares that sum to 1 over up to 10⁴ nodes, each rounded.
_SUMMED = 1e4 * _EPS
#: By which labels and heads are scaled: powers of two, without rounding.
_FACTOR = 2.0**10


@dataclass(frozen=True)
class Setting:
    """What is asked.

    Attributes
    ----------
    question : str
        One of ``QUESTIONS``.
    target, head : str
        Expressions; the head of a linear Transformer is empty, or "1" with an intercept.
    target_scale, head_scale : float
        Factors of both.
    noise, ridge : float
    where : Ratios or Sizes
    normalise : bool
    """

    question: str
    target: str
    head: str
    target_scale: float
    head_scale: float
    noise: float
    ridge: float
    where: Ratios | Sizes
    normalise: bool

    @property
    def task(self) -> Task:
        return Task(_times(self.target_scale, self.target), noise=self.noise)

    @property
    def square(self) -> float:
        """A bound on E σ*² of the target."""
        return 3 * self.target_scale**2 if self.target_scale < 1e150 else math.inf

    @property
    def model(self) -> Model:
        if self.head in ("", "1"):
            return LinearTransformer(self.ridge, intercept=bool(self.head))
        return RandomTransformer(_times(self.head_scale, self.head), self.ridge, self.normalise)


def _times(scale: float, text: str) -> str:
    # The decimals of a power of two, or of ten, are exact.
    return text if scale == 1 else f"{sympy.Rational(scale)}*({text})"


def settings(count: int, seed: int = 0) -> Iterator[Setting]:
    """``count`` settings, always the same for a seed."""
    rng = np.random.default_rng(seed)

    def drawn_of(values: Sequence[Any]) -> Any:
        return values[int(rng.integers(len(values)))]

    for _ in range(count):
        question = drawn_of(["icl"] * 56 + ["optimal ridge", "peak", "best head", "bayes"] * 5 + ["mixture"])
        alpha, tau = drawn_of(RATIOS), drawn_of(RATIOS)
        kappa, mu = (drawn_of((*RATIOS, math.inf)) for _ in range(2))
        where: Ratios | Sizes = Ratios(alpha, kappa, tau, mu)
        head = drawn_of((*HEADS, *HEADS, "", "1"))
        if question in ("icl", "optimal ridge", "mixture") and (question == "mixture" or rng.random() < 0.25):
            d = drawn_of(DIMENSIONS[:2] if question == "mixture" else DIMENSIONS)
            samples = drawn_of((1, d, d * d, d * (d + 1), 10**6 * d * d))
            tasks = drawn_of((1, d, 10**6 * d, math.inf))
            context = d if question == "mixture" else drawn_of((1, d, 10**4 * d))
            where = Sizes(
                d, context, min(tasks, samples) if tasks < math.inf else tasks, samples, drawn_of((1, d, d * d, d * (d + 1), 10**6 * d * d))
            )
        target = "x" if question == "bayes" else drawn_of(TARGETS)
        # Half of all entries are ordinary, so that extremes meet one by one as well as together.
        noise, ridge = (drawn_of((*extreme, *[0.1] * len(extreme))) for extreme in (NOISES, RIDGES))
        scale = 1.0 if target == "1" else drawn_of(SCALES)
        yield Setting(question, target, head, scale, drawn_of(SCALES), noise, ridge, where, bool(rng.random() < 0.5))


def fault(setting: Setting) -> str | None:
    """What is wrong with the answer; None where nothing is, or where it is an error of hermite_eq."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return _QUESTIONS[setting.question](setting)
        except HypothesisError:
            return None
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            return f"{type(error).__name__}: {error} ({where.filename.rpartition('/')[2]}:{where.lineno})"


def _wrong_numbers(answer: TheoryError, noise: float, square: float) -> str | None:
    for name in ("icl", "idg", "bias", "variance", "effective_ridge", "dof", "fixed_point_residual"):
        value = getattr(answer, name)
        if not value >= 0:
            return f"{name} = {value}"
        # An effective ridge beyond every double, or one that acts as such, is infinite.
        if value == math.inf and name != "effective_ridge" and not any("diverges" in note for note in answer.notes):
            return f"{name} = inf without a note"
    # Of labels of order 1 the noise may be less than the rounding of an error.
    if min(answer.icl, answer.idg) < noise - ROUNDED * (noise + square):
        return f"ICL {answer.icl}, IDG {answer.idg} below the noise"
    if answer.dof > 1 + _SUMMED:
        return f"dof = {answer.dof}"
    if answer.fixed_point_residual > AGREE:
        return f"fixed_point_residual = {answer.fixed_point_residual}"
    return None


def _icl(setting: Setting) -> str | None:
    answer = icl_error(setting.model, setting.task, setting.where)
    wrong = _wrong_numbers(answer, setting.noise, setting.square)
    if wrong:
        return wrong
    labels = replace(setting, target_scale=setting.target_scale * _FACTOR, noise=setting.noise * _FACTOR**2)
    if isinstance(setting.model, LinearTransformer):
        labels = replace(labels, ridge=labels.ridge * _FACTOR**2)
    heads = replace(setting, head_scale=setting.head_scale * _FACTOR, ridge=setting.ridge * _FACTOR**2)
    # At finite d the last row of H_Z is quadratic in the labels, so that their scale is no mere unit.
    routes = [("labels", labels, _FACTOR**2)] if isinstance(setting.where, Ratios) else []
    if isinstance(setting.model, RandomTransformer):
        routes.append(("head", heads, 1.0))
    for name, other, factor in routes:
        if not _representable(setting, other):
            continue
        try:
            scaled = icl_error(other.model, other.task, other.where)
        except HypothesisError:
            continue
        for error in ("icl", "idg"):
            mine, theirs = getattr(answer, error), getattr(scaled, error) / factor
            if mine != theirs and not abs(mine - theirs) <= AGREE * mine:
                return f"{error} = {mine}, with {name} scaled {theirs}"
    return None


def _representable(setting: Setting, other: Setting) -> bool:
    """Whether scaling lost no digits at either end of double precision."""
    pairs = ((setting.noise, other.noise), (setting.ridge, other.ridge))
    return all(b < math.inf and (a == 0 or a >= sys.float_info.min) for a, b in pairs)


def _optimal(setting: Setting) -> str | None:
    answer = optimal_ridge(setting.model, setting.task, setting.where)
    if not answer.ridge >= 0:
        return f"ridge = {answer.ridge}"
    return _wrong_numbers(answer.error, setting.noise, setting.square)


def _peak(setting: Setting) -> str | None:
    peak = interpolation_peak(setting.model, setting.task, setting.where)
    # There may be none.
    below = peak.height < setting.noise - ROUNDED * (setting.noise + setting.square)
    fine = math.isnan(peak.height) == math.isnan(peak.position) and not below and peak.prominence >= 1
    return None if fine else str(peak)


def _head(setting: Setting) -> str | None:
    assert isinstance(setting.where, Ratios)
    best = best_head(setting.task, setting.where)
    answers = (best.error, best.activation_error)
    return next(filter(None, (_wrong_numbers(answer, setting.noise, setting.square) for answer in answers)), None)


def _bayes(setting: Setting) -> str | None:
    assert isinstance(setting.where, Ratios)
    for function in (bayes_error, context_ridge_error):
        (value,) = function(setting.task, [setting.where.alpha])
        if not setting.noise * (1 - ROUNDED) <= value <= (setting.target_scale**2 + setting.noise) * (1 + ROUNDED):
            return f"{function.__name__} = {value}"
    return None


def _mixture(setting: Setting) -> str | None:
    sources = [Source(setting.task.target, noise=setting.noise), Source("relu", noise=0.1)]
    answer = icl_error(setting.model, Task(sources=sources, weights=[0.5, 0.5]), setting.where)
    return _wrong_numbers(answer, 0.0, setting.square)


_QUESTIONS = {"icl": _icl, "optimal ridge": _optimal, "peak": _peak, "best head": _head, "bayes": _bayes, "mixture": _mixture}


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, ask, and list what is wrong."""
    parser = command_line("benchmarks.checks.extremes", __doc__, SMALLEST)
    parser.add_argument("--settings", type=positive, default=2000, help="how many (default: 2000)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    start, faults = time.perf_counter(), Counter[str]()
    slowest: tuple[float, Setting | None] = (0.0, None)
    for setting in settings(arguments.settings, arguments.seed):
        before = time.perf_counter()
        wrong = fault(setting)
        slowest = max(slowest, (time.perf_counter() - before, setting), key=lambda pair: pair[0])
        if wrong:
            faults[setting.question] += 1
            print(f"{setting}\n    {wrong}")
    print(
        f"{faults.total()} of {arguments.settings} settings are wrong {dict(faults)}; {time.perf_counter() - start:.0f} s, "
        f"the slowest {slowest[0]:.1f} s: {slowest[1]}"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
