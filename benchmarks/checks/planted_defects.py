"""Forty defects of the kind that projects on universality have, each planted into a small correct experiment: which are detected?

The list and the rate, at the default false-alarm rate and in the default profile: two minutes. Every experiment is also run without a
defect, and has to be green; the exit status says so, and whether 95 % of the defects are detected.
"""

from __future__ import annotations

import dataclasses
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hermite_eq import HypothesisError, PolynomialActivation, RandomTransformer, Sizes, Task, coefficients, covariance, equivalent_model
from hermite_eq.testing import (
    Deviation,
    UniversalityError,
    assert_covariance,
    assert_equivalent,
    assert_gaussian,
    assert_hermite_coefficients,
    assert_rate,
    assert_universal,
)
from verify.command_line import command_line

#: Arguments of the smallest run.
SMALLEST = ("--only", "the rate of a gap")

Array = np.ndarray
Run = Callable[..., object]
Entries = Callable[[np.random.Generator, tuple[int, ...]], Array]


@dataclass(frozen=True)
class Family:
    """A correct experiment, ``run()``, and its defects: names with the arguments that plant them."""

    name: str
    run: Run
    defects: Mapping[str, Mapping[str, Any]] = field(repr=False)


# Coefficients as a project would tabulate them.


def tabulated(
    sigma: str = "relu", change: Callable[[Array], Array] = lambda c: c, residual: Callable[[Array, float], float] | None = None
) -> object:
    c = coefficients("relu", 6)
    values = np.asarray(c)
    rest = float(c.residual(6))
    return assert_hermite_coefficients(sigma, change(values.copy()), residual=rest if residual is None else residual(values, rest))


def _times(k: int, factor: float) -> Callable[[Array], Array]:
    def change(c: Array) -> Array:
        c[k] *= factor
        return c

    return change


_FACTORIALS = np.array([math.factorial(k) for k in range(7)], dtype=float)


def physicists(c: Array) -> Array:
    """E[σ(g) H_k(g)] with the physicists' H_k: H_0, H_1, H_2 = 1, 2x, 4x² − 2."""
    c = c.copy()
    c[2] = 4 * (c[2] + c[0]) - 2 * c[0]
    c[1] *= 2
    return c


def polynomial_model(change: Callable[[PolynomialActivation], Any] = lambda model: model) -> object:
    c = coefficients("relu", 2)
    return assert_hermite_coefficients(change(equivalent_model("relu", 2)), c, residual=c.residual(2))


def _with(**fields: Any) -> Callable[[PolynomialActivation], PolynomialActivation]:
    return lambda model: dataclasses.replace(model, **{name: value(model) for name, value in fields.items()})


def frozen(model: PolynomialActivation) -> Callable[..., Array]:
    """z drawn once and used for every evaluation."""
    return lambda x, rng: model(x, rng=np.random.default_rng(0))


# Pre-activations, from contexts drawn by the definition.

D, ELL, UNITS, COUNT = 6, 9, 8, 60_000
TARGET, NOISE = Task("relu", noise=0.25), 0.25


def _contexts(
    entries: Entries,
    input_scale: float,
    input_mean: float,
    target: Callable[[Array], Array],
    noise: float,
    b1: float,
    b2: float,
    leak: bool,
    link: float,
    rng: np.random.Generator,
    xi: Array,
) -> tuple[Array, Array]:
    x = (input_scale * entries(rng, (COUNT, ELL + 1, D)) + input_mean) / math.sqrt(D)
    if leak:
        x[:, -1] = x[:, 0]
    y = target(link * (x @ xi)) + math.sqrt(noise) * rng.standard_normal((COUNT, ELL + 1))
    first = b1 * D / ELL * np.einsum("ni,nid->nd", y[:, :-1], x[:, :-1])
    return x[:, -1], np.column_stack([first, b2 * (y[:, :-1] ** 2).mean(axis=1)])


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.standard_normal(shape)


def pre_activations(
    entries: Entries = _normal,
    input_scale: float = 1.0,
    input_mean: float = 0.0,
    target: Callable[[Array], Array] = lambda z: np.maximum(z, 0),
    noise: float = NOISE,
    b1: float = 1.0,
    b2: float = 1.0,
    leak: bool = False,
    layer: float | None = None,
    columns: bool = False,
    repeat: bool = False,
    link: float = 1.0,
) -> object:
    rng = np.random.default_rng(11)
    xi = rng.standard_normal(D)
    claimed = covariance(TARGET)
    t = claimed.trace(D, ELL)
    weights = rng.standard_normal((D * (D + 1), UNITS))
    x, b = _contexts(entries, input_scale, input_mean, target, noise, b1, b2, leak, link, rng, xi)
    h = np.einsum("ni,nj->nji" if columns else "ni,nj->nij", x, b).reshape(COUNT, -1)
    z = h @ weights * (1 / math.sqrt(t) if layer is None else layer / math.sqrt(t))
    rows = np.column_stack([z, x @ xi])
    if repeat:
        rows = rows[rng.integers(COUNT // 2, size=COUNT)]
    expected = claimed.given(xi, context=ELL).matrix(weights / math.sqrt(t))
    # x_i b_j of independent x and b have heavier tails than normal: at d = 6 their excess kurtosis is up to 10.
    return assert_covariance(rows, expected, excess_kurtosis=10.0, resolution=0.3)


def conditionally_gaussian(entries: Entries = _normal) -> object:
    """Given one context, Fᵀh is Gaussian over F, exactly: 3 contexts, many F."""
    rng = np.random.default_rng(5)
    h = rng.standard_normal((3, 40))
    return assert_gaussian(entries(rng, (20_000, 40)) @ h.T, h @ h.T)


# Transformers.

SIZES = Sizes.from_ratios(6, alpha=1, kappa=1, tau=2, mu=2)
HEAD = equivalent_model("relu", 1)
TASK = Task("relu", noise=0.1)


def transformers(
    sigma: Any = "relu",
    other: Any = HEAD,
    ridge: float = 0.1,
    task: Task = TASK,
    normalise: bool = True,
    margin: float = 0.15,
) -> object:
    models = RandomTransformer(sigma, 0.1, normalise=True), RandomTransformer(other, ridge, normalise=normalise)
    return assert_equivalent(*models, task, SIZES, margin=margin, test=300)


def _surrogate(c1: float) -> PolynomialActivation:
    """Another c_1, with c_1* such that the second moment (and so the covariance of one unit) is unchanged."""
    first, total = float(HEAD.c[1]), float(HEAD.c[1]) ** 2 + float(HEAD.residual) ** 2
    return dataclasses.replace(HEAD, c=(HEAD.c[0], c1 * first), residual=math.sqrt(total - (c1 * first) ** 2))


# Ridge regression on random features of user-made maps.

TANH = coefficients("tanh", 1)
C1, REST = (float(TANH[1]), float(TANH.residual(1)))


def features(surrogate: bool, c1: float = 1.0, residual: float = 1.0, shared_noise: bool = False) -> Callable[..., Any]:
    def build(d: int, rng: np.random.Generator) -> Callable[..., tuple[Array, Array]]:
        weights, teacher = rng.standard_normal((d, 2 * d)) / math.sqrt(d), rng.standard_normal(d)

        def draw(count: int, rng: np.random.Generator) -> tuple[Array, Array]:
            x = rng.standard_normal((count, d))
            u = x @ weights
            z = rng.standard_normal((count, 1) if shared_noise else u.shape)
            values = c1 * C1 * u + residual * REST * z if surrogate else np.tanh(u)
            return values / math.sqrt(d), x @ teacher / math.sqrt(d) + 0.1 * rng.standard_normal(count)

        return draw

    return build


def ridge_on_features(**planted: Any) -> object:
    return assert_universal(
        features(False),
        features(True, **planted),
        dimensions=(8, 20),
        samples=lambda d: 4 * d,
        ridge=1e-3,
        runs=96,
        test=200,
        deviation=Deviation(1.0, order=-0.5),
        resolution=0.5,
    )


# Gaps over a ladder of dimensions.


def ladder(gap: Callable[[Array], Array] = lambda d: 2 / d) -> object:
    d = np.array([10.0, 20.0, 40.0, 80.0])
    return assert_rate(d, gap(d) + 0.004 * np.random.default_rng(3).standard_normal((24, 4)), order=-1)


def _student(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.standard_t(3, size=shape) / math.sqrt(3)


def _scaled(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.standard_normal(shape) * np.sqrt(rng.exponential(size=(shape[0], *(1,) * (len(shape) - 1))))


FAMILIES: tuple[Family, ...] = (
    Family(
        "coefficients of an activation",
        tabulated,
        {
            "c_1 5 % too large": {"change": _times(1, 1.05)},
            "c_1 5 % too small": {"change": _times(1, 0.95)},
            "c_0 5 % too large": {"change": _times(0, 1.05)},
            "c_6 5 % too small": {"change": _times(6, 0.95)},
            "c_2 of the wrong sign": {"change": _times(2, -1)},
            "c_k/k! for c_k": {"change": lambda c: c / _FACTORIALS},
            "c_k/√k! for c_k": {"change": lambda c: c / np.sqrt(_FACTORIALS)},
            "physicists' Hermite polynomials": {"change": physicists},
            "a kink at 0.05 for 0": {"sigma": "max(x - 1/20, 0)"},
            "c_4* for c_6*": {"residual": lambda c, rest: math.sqrt(rest**2 + c[6] ** 2 / 720 + c[5] ** 2 / 120)},
        },
    ),
    Family(
        "an equivalent activation with its noise",
        polynomial_model,
        {
            "c_r* forgotten": {"change": _with(residual=lambda model: 0.0)},
            "c_r* 5 % too large": {"change": _with(residual=lambda model: 1.05 * float(model.residual))},
            "c_r*² for c_r*": {"change": _with(residual=lambda model: float(model.residual) ** 2)},
            "z of the training reused in the test": {"change": frozen},
            "c_1 5 % too large": {"change": _with(c=lambda model: (model.c[0], 1.05 * float(model.c[1]), model.c[2]))},
            "c_k He_k without 1/k!": {"change": _with(c=lambda model: (model.c[0], model.c[1], 2 * model.c[2]))},
        },
    ),
    Family(
        "covariance of (Fᵀh, ξᵀx)",
        pre_activations,
        {
            "F divided by √ℓ, not by √t": {"layer": math.sqrt(covariance(TARGET).trace(D, ELL) / ELL)},
            "F 10 % too large": {"layer": 1.1},
            "b₂ forgotten": {"b2": 0.0},
            "b₂ doubled": {"b2": 2.0},
            "ℓ and d swapped in b₁": {"b1": (ELL / D) ** 2},
            "a sampler with a mean": {"input_mean": 0.5},
            "inputs 10 % too large": {"input_scale": 1.1},
            "ξᵀx divided by √d once more": {"link": 1 / math.sqrt(D)},
            "label noise forgotten": {"noise": 0.0},
            "|z| for max(z, 0)": {"target": np.abs},
            "h by columns, F by rows": {"columns": True},
            "the query among the context": {"leak": True},
            "half of the contexts used twice": {"repeat": True},
        },
    ),
    Family(
        "Gaussianity over F",
        conditionally_gaussian,
        {
            "weights with Student's law, 3 degrees of freedom": {"entries": _student},
            "one scale for each row": {"entries": _scaled},
        },
    ),
    Family(
        "Transformers and their equivalents",
        transformers,
        {
            "c_1* forgotten": {"other": dataclasses.replace(HEAD, residual=0.0)},
            "c_0 dropped": {"other": dataclasses.replace(HEAD, c=(0, HEAD.c[1]))},
            "matched second moment, c_1 too small": {"other": _surrogate(0.2)},
            "an even activation: the odd part dropped": {"sigma": "abs(x)/2 + 2*x", "other": equivalent_model("abs(x)/2", 1)},
            "the ridge without its 1/d": {"ridge": 0.1 * SIZES.d},
        },
    ),
    Family(
        "ridge regression on random features",
        ridge_on_features,
        {
            "c_1* halved": {"residual": 0.5},
            "c_1 halved": {"c1": 0.5},
            "one z for all neurons": {"shared_noise": True},
        },
    ),
    Family(
        "the rate of a gap",
        ladder,
        {
            "a gap that stays": {"gap": lambda d: 0.1 + 0 * d},
        },
    ),
)


@dataclass(frozen=True)
class Outcome:
    """What became of one run: ``"green"``, ``"red"``, ``"refused"`` (a hypothesis is violated) or ``"inconclusive"``, and the message."""

    word: str
    message: str


def outcome(run: Callable[[], object]) -> Outcome:
    try:
        result = run()
    except UniversalityError as error:
        return Outcome("red", str(error))
    except HypothesisError as error:
        return Outcome("inconclusive" if "has data that resolve" in error.hypothesis else "refused", str(error))
    return Outcome("green", str(result))


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run."""
    parser = command_line("benchmarks.checks.planted_defects", __doc__, SMALLEST)
    parser.add_argument("--only", choices=[family.name for family in FAMILIES], help="one experiment (all)")
    parser.add_argument("-v", "--verbose", action="store_true", help="print the messages")
    arguments = parser.parse_args(argv)
    detected = total = 0
    sound = True
    for family in (family for family in FAMILIES if arguments.only in (None, family.name)):
        start = time.perf_counter()
        control = outcome(family.run)
        sound &= control.word == "green"
        print(f"{family.name}: {control.word} without a defect ({time.perf_counter() - start:.1f} s)", flush=True)
        if control.word != "green" and arguments.verbose:
            print(f"    {control.message}")
        for name, planted in family.defects.items():
            result = outcome(lambda family=family, planted=planted: family.run(**planted))  # type: ignore[misc]
            total += 1
            detected += result.word in ("red", "refused")
            print(f"    {result.word:11s} {name}", flush=True)
            if arguments.verbose:
                print(f"             {result.message}")
    print(f"{detected} of {total} defects detected ({100 * detected / total:.1f} %)")
    return 0 if sound and detected >= 0.95 * total else 1


if __name__ == "__main__":
    sys.exit(main())
