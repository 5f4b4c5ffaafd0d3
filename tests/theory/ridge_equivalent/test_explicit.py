"""Given covariances: against drawn matrices, against the engine for spectra, and at the ends of the parameter space."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from given_spectrum import GivenSpectrum
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.models import LinearTransformer, Model, PolynomialActivation, RandomTransformer, Ratios, Sizes
from hermite_eq.theory import GivenMoments, Kronecker, Population, Quadratics, given_moments, icl_curve, icl_error
from hermite_eq.theory.feature_law.head import HeadMoments
from hermite_eq.theory.ridge_equivalent.scalar import ScaledSamples, fixed_point, random_head_error
from hermite_eq.theory.spectra.blocks import block_diagonal

EPS = sys.float_info.epsilon
Array = NDArray[np.float64]
D_SIDE = 11
D = D_SIDE * (D_SIDE + 1)
RUNS = 160


def covariance(rng: np.random.Generator, scale: float) -> Array:
    """A full matrix with eigenvalues over a decade."""
    A = rng.standard_normal((D, 2 * D))
    return scale * (A * 10 ** rng.uniform(-1, 0.5, 2 * D)) @ A.T / (2 * D**2)


def populations(quadratic: bool, shift: float = 0.0) -> list[Population]:
    """Two training sources and a third that is met in the test alone; their bases, scales, signals and mean labels differ.

    With a ``shift`` E[h] is that times √(E‖h‖²/D) in directions of its own for every source.
    """
    rng = np.random.default_rng(3)
    cases = []
    for scale, mean, weight in ((1.0, 0.5, 0.3), (1.4, -0.3, 0.7), (2.0, 0.2, 1.0)):
        C, beta = covariance(rng, scale), rng.standard_normal(D)
        # 60 functions whose eigenvalues are those of h; they explain a third of what h explains.
        explained = float(beta @ C @ beta)
        groups = (Quadratics(1.0 / D, np.full(60, math.sqrt(explained / 180))),) if quadratic else ()
        square = explained * (1 + quadratic / 3) + mean**2 + 0.1
        if shift:
            centre = shift * math.sqrt(float(np.trace(C)) / D) * rng.standard_normal(D) / math.sqrt(D)
            cases.append(Population(C + np.outer(centre, centre), C @ beta + centre * mean, square, mean, weight, groups, center=centre))
            continue
        cases.append(Population(C, C @ beta, square, mean, weight, groups))
    return cases


HEADS: dict[str, PolynomialActivation] = {
    "c0, c1, c2": PolynomialActivation("c0, c1, c2", (0.4, 0.5, 0.3), 0.25),
    "odd": PolynomialActivation("odd", (0.0, 0.6, 0.0), 0.2),
    "c0 = 0": PolynomialActivation("c0 = 0", (0.0, 0.5, 0.5), 0.2),
}
#: n/D, m/D, λ: fewer features than samples, more, and as many.
POINTS = ((1.3, 0.7, 0.3), (0.6, 1.2, 0.3), (1.0, 1.0, 1.0))


def sizes(point: tuple[float, float, float]) -> Sizes:
    return Sizes(D_SIDE, D_SIDE, 1, samples=round(point[0] * D), hidden=round(point[1] * D))


def draw(moments: GivenMoments, head: PolynomialActivation, point: tuple[float, float, float], rng: np.random.Generator) -> list[float]:
    """(IDG, ICL) of one draw: features written out at the scale of each source, exact population errors of the fitted w."""
    at = sizes(point)
    n, m, ridge = at.samples, at.hidden or 0, point[2] / D_SIDE
    everyone = moments.populations
    F = rng.standard_normal((D, m))
    count = everyone[0].quadratics[0].signal.size if everyone[0].quadratics else 0
    F2 = rng.standard_normal((count, m))
    laws = []
    for p in everyone:
        hm = HeadMoments.scaled(head, np.array([math.sqrt(p.trace / moments.trace)]))
        c0, c1, c2, residual2 = (float(x[0]) for x in (hm.c0, hm.c1, hm.c2, hm.residual2))
        normal = np.asarray(p.covariance) / p.trace
        constant = c0 + c2 / 2 * (np.einsum("im,im->m", F, normal @ F) - 1)
        spread = np.asarray(p.covariance) - np.outer(p.middle, p.middle)
        beta = np.linalg.solve(spread, np.asarray(p.signal) - p.middle * p.mean)
        quadratic = p.quadratics[0] if count else Quadratics(0.0, np.zeros(0))
        residual2 -= c2**2 * quadratic.eigenvalue * count
        second = c2 * math.sqrt(quadratic.eigenvalue) * F2
        first = c1 / math.sqrt(p.trace) * F
        explained = float(beta @ spread @ beta + quadratic.signal @ quadratic.signal)
        laws.append((p, constant + p.middle @ first, spread, first, second, residual2, beta, quadratic.signal, explained))
    which = rng.random(n) >= everyone[0].weight
    phi, y = np.empty((n, m)), np.empty(n)
    for s in (0, 1):
        p, constant, spread, first, second, residual2, beta, gamma, explained = laws[s]
        rows = np.flatnonzero(which == s)
        # h less its mean, whose features are in the constant.
        h = rng.standard_normal((rows.size, D)) @ np.linalg.cholesky(spread).T
        f = rng.standard_normal((rows.size, count))
        phi[rows] = constant + h @ first + f @ second + math.sqrt(residual2) * rng.standard_normal((rows.size, m))
        rest = p.square - p.mean**2 - explained
        y[rows] = p.mean + h @ beta + f @ gamma + math.sqrt(rest) * rng.standard_normal(rows.size)
    w = np.linalg.solve(phi.T @ phi + n * ridge * np.eye(m), phi.T @ y)
    errors = []
    for p, constant, spread, first, second, residual2, beta, gamma, explained in laws:
        off, miss = beta - first @ w, gamma - second @ w
        rest = p.square - p.mean**2 - explained
        errors.append((p.mean - constant @ w) ** 2 + off @ spread @ off + miss @ miss + rest + residual2 * w @ w)
    return [everyone[0].weight * errors[0] + everyone[1].weight * errors[1], errors[2]]


Case = tuple[str, tuple[float, float, float], bool, float]


def moments(quadratic: bool, shift: float) -> GivenMoments:
    everyone = populations(quadratic, shift)
    return given_moments(everyone[:2], everyone[2:])


#: Head, point, whether there are quadratic functions, and the mean of h: at 4, Σ_s‖E_s h‖² is 12 % of E‖h‖².
CASES: list[Case] = [
    ("c0, c1, c2", POINTS[1], False, 0.0), ("c0 = 0", POINTS[2], False, 0.0), ("c0, c1, c2", POINTS[0], True, 0.0),
    ("c0, c1, c2", POINTS[1], False, 4.0),
]  # fmt: skip


@pytest.fixture(scope="module")
def drawn() -> dict[Case, Array]:
    draws = {}
    for case in CASES:
        given = moments(*case[2:])
        draws[case] = np.array([draw(given, HEADS[case[0]], case[1], np.random.default_rng((7, i))) for i in range(RUNS)])
    return draws


def scores(case: Case, sample: Array, factor: float = 1.0) -> Array:
    """Standard scores of the gap beyond 2/D of the value: the remainder is O(1/D), with a free parameter more for each source."""
    error = icl_error(RandomTransformer(HEADS[case[0]], case[1][2]), moments(*case[2:]), sizes(case[1]))
    theory = factor * np.array([error.idg, error.icl])
    gap = sample.mean(0) - theory
    beyond = np.sign(gap) * np.maximum(np.abs(gap) - 2 / D * theory, 0)
    return np.asarray(beyond / (sample.std(0, ddof=1) / math.sqrt(len(sample))))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_drawn_matrices_agree(drawn: dict[Case, Array], case: Case) -> None:
    # |z| < 5 has a false-alarm rate of 2e-6 per number (Student's t with 159 degrees of freedom).
    assert np.abs(scores(case, drawn[case])).max() < 5


@pytest.mark.parametrize("factor", [0.95, 1.05])
def test_an_error_five_per_cent_off_is_seen(drawn: dict[Case, Array], factor: float) -> None:
    assert max(np.abs(scores(case, drawn[case], factor)).max() for case in CASES) > 5


def test_one_source_is_the_engine_for_spectra() -> None:
    """Isotropic blocks: matrices S_k ⊗ I against the traces of the same eigenvalues, ICL over fresh tasks included."""
    d = 12
    rng = np.random.default_rng(0)
    xi = rng.standard_normal((d, d // 2))
    S = xi @ xi.T / (d // 2)
    S = S / np.trace(S) * d
    r, identity = 0.4 * S + 0.6 * np.eye(d), np.eye(d)
    signal = 0.3
    head = HEADS["c0, c1, c2"]
    training = Population(Kronecker(identity / d, r / d), signal * S / d**1.5 / math.sqrt(d), 0.51, 0.4)
    fresh = Population(Kronecker(identity / d, identity / d), signal * identity / d**1.5 / math.sqrt(d), 0.51, 0.4)
    s = np.linalg.eigvalsh(S)
    spectrum = GivenSpectrum(np.maximum(s, 0), 0.4 * np.maximum(s, 0) + 0.6, np.ones(d))
    hm = HeadMoments.of(head)
    column = np.ones((1, 1))
    # M = signal·diag(s)/d² in the eigenbasis, and m²⟨s²/(r+k)⟩ = MᵀC⁻¹M with D = d²: m² = signal²/d.
    c0, c1, c2, residual2 = (x * column for x in (hm.c0, hm.c1, hm.c2, hm.residual2))
    samples = ScaledSamples(column, c0, c1, c2, residual2, 0.4 * column, 0.51 * column,
                            signal / math.sqrt(d) * column, 0 * column)  # fmt: skip
    given = given_moments([training], [fresh], trace=1.0)
    for n, m, ridge in ((200, 90, 0.01), (90, 200, 0.01), (60, 200, 0.0), (300, 100, 1.0)):
        tau, mu = np.array([n / d**2]), np.array([m / d**2])
        ridge_per_unit = np.array([ridge / d]) / mu
        point = fixed_point(samples, spectrum, tau, mu, ridge_per_unit)  # type: ignore[arg-type]
        expected = random_head_error(samples, spectrum, tau, mu, point, d**2, np.ones(1))  # type: ignore[arg-type]
        error = icl_error(RandomTransformer(head, ridge), given, Sizes(d, d, 1, samples=n, hidden=m))
        for name in ("icl", "idg", "bias", "dof"):
            # Two solvers of one equation: rounding, amplified by at most the error itself over the noise.
            assert abs(getattr(error, name) - getattr(expected, name)[0]) < 1e-9 * getattr(expected, name)[0], name


def test_kronecker_blocks_are_the_dense_matrix() -> None:
    rng = np.random.default_rng(1)
    d = 6
    spike = np.eye(d) + 4 * np.outer(u := rng.standard_normal(d) / math.sqrt(d), u)
    contexts = [np.diag(rng.uniform(0.5, 2, d + 1)) + 0.3 * np.ones((d + 1, d + 1)) for _ in range(2)]
    # Signals in the range of the covariance, and labels larger than they explain.
    signals = [rng.standard_normal((d, d + 1)) / 30 for _ in range(2)]
    factored = [Kronecker(x, R) for x, R in zip((np.eye(d), spike), contexts, strict=True)]
    assert sorted(block.copies for block in block_diagonal(factored, signals)) == [1, d - 1]
    at = Sizes(d, d, 1, samples=70, hidden=50)
    model = RandomTransformer("relu", 0.01)
    results = []
    forms: tuple[Sequence[Kronecker | Array], ...] = (factored, [c.dense() for c in factored])
    for covariances in forms:
        sources = [Population(c, M, 1.0, 0.2, 0.5) for c, M in zip(covariances, signals, strict=True)]
        results.append(icl_error(model, given_moments(sources), at))
    # The weights settle to 1e-12; the errors follow with a condition number of the order of error/noise.
    assert abs(results[0].icl / results[1].icl - 1) < 1e-9
    assert max(abs(a / b - 1) for a, b in zip(results[0].icl_by_source, results[1].icl_by_source, strict=True)) < 1e-9
    assert abs(0.5 * sum(results[0].icl_by_source) - results[0].icl) < 1e-14
    # Input covariances that do not commute have no common blocks.
    other = Kronecker(np.diag(np.arange(1.0, d + 1)), contexts[0])
    assert block_diagonal([factored[1], other], signals)[0].matrices.shape == (2, d * (d + 1), d * (d + 1))


def test_two_sources_of_one_law_are_one_source() -> None:
    source = populations(False)[0]
    halves = given_moments([replace(source, weight=0.4), replace(source, weight=0.6)])
    for model, point in ((RandomTransformer("relu", 0.01), POINTS[0]), (LinearTransformer(0.1, intercept=True), POINTS[1])):
        alone = icl_error(model, given_moments([replace(source, weight=1.0)]), sizes(point))
        error = icl_error(model, halves, sizes(point))
        assert abs(error.idg / alone.idg - 1) < 1e-9
        assert abs(error.icl - error.idg) < 1e-12 * error.idg


@pytest.mark.parametrize("sources", [1, 2])
def test_every_admissible_point_has_an_answer(sources: int) -> None:
    """n/D and m/D over six decades, λ down to 0, rank-deficient covariances: a number above the noise, or infinity."""
    rng = np.random.default_rng(8)
    everyone = populations(False)
    tests = [replace(everyone[2], weight=1.0)]
    full = [replace(p, weight=1 / sources) for p in everyone[:sources]]
    thin = []
    for _ in range(sources):
        factor = rng.standard_normal((D, D // 3))
        C, beta = factor @ factor.T / D**2, rng.standard_normal(D)
        thin.append(Population(C, C @ beta, float(beta @ C @ beta) + 0.11, 0.1, 1 / sources))
    for training in (full, thin):
        given = given_moments(training, tests)
        for _ in range(6):
            n, m = (max(1, round(D * 10 ** rng.uniform(-3, 3))) for _ in range(2))
            ridge = 0.0 if rng.random() < 0.3 else 10 ** rng.uniform(-12, 3)
            models: list[Model] = [RandomTransformer(head, ridge) for head in HEADS.values()]
            for model in (*models, LinearTransformer(ridge), LinearTransformer(ridge, intercept=True)):
                error = icl_error(model, given, Sizes(D_SIDE, D_SIDE, 1, samples=n, hidden=m))
                # Of every label 0.1 is noise.
                assert error.idg > 0.1, (n, m, ridge, model)
                assert error.icl > 0.1, (n, m, ridge, model)
                assert error.fixed_point_residual < 1e3 * EPS


def test_the_norm_of_h_moves_the_error() -> None:
    """A relative variance V of ‖h‖² moves the plain head's error by O(V), not the normalised head's whose label does not see it."""
    source = replace(populations(False)[0], weight=1.0)
    base, wide = given_moments([source]), given_moments([replace(source, norm_variance=0.01, signal_slope=1.0)])
    wider = given_moments([replace(source, norm_variance=0.02, signal_slope=1.0)])
    at = sizes(POINTS[0])
    plain = RandomTransformer("relu", 0.01)
    first, second, third = (icl_error(plain, moments_, at).icl for moments_ in (base, wide, wider))
    # Linear in V up to O(V²).
    assert second - first > 0
    assert abs((third - first) / (second - first) - 2) < 0.1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: given_moments([]), "there is at least one training population; found none. Repair: pass training=[Population(…), …]"),
        (
            lambda: given_moments([Population(np.eye(2), np.zeros(2), 1.0, weight=0.5)]),
            "the weights of the training populations are ≥ 0 and sum to 1; found [0.5]. Repair: divide them by their sum",
        ),
        (
            lambda: given_moments([Population(np.eye(2), np.zeros(2), 1.0, mean=2.0)]),
            "E[y²] ≥ E[y]² and E[y²] > 0; found square=1.0, mean=2.0. Repair: pass the moments of one law",
        ),
        (
            lambda: given_moments([Population(np.eye(2), np.zeros(2), 1.0, weight=math.nan)]),
            "the weights of the training populations are ≥ 0 and sum to 1; found [nan]. Repair: divide them by their sum",
        ),
        (
            lambda: given_moments([Population(np.eye(2), np.array([0.1, math.nan]), 1.0)]),
            "E[hy] is finite; found NaN or infinity in it. Repair: pass the moments of one law",
        ),
        (
            lambda: given_moments([Population(np.eye(2), np.zeros(2), 1.0, center=np.array([math.inf, 0.0]))]),
            "E[h] is finite; found NaN or infinity in it. Repair: pass the moments of one law",
        ),
        (
            lambda: given_moments([Population(np.eye(2), np.zeros(2), 1.0, quadratics=(Quadratics(0.1, np.array([math.nan])),))]),
            "E[fy] of quadratics[0] is finite; found NaN or infinity in it. Repair: pass the moments of one law",
        ),
        (
            lambda: given_moments([Population(np.eye(2), np.zeros(2), 1.0, quadratics=(Quadratics(-0.1, np.zeros(1)),))]),
            "eigenvalues of quadratic functions are finite and ≥ 0; found [-0.1]. Repair: pass C_ii C_jj for h of trace 1",
        ),
        (
            lambda: given_moments([Population(np.eye(2), np.zeros(2), 1.0, norm_variance=-0.1)]),
            "the relative variance of ‖h‖² is finite and ≥ 0; found norm_variance=-0.1. Repair: pass 0.0",
        ),
        (
            lambda: given_moments([Population(np.eye(2), np.zeros(2), 1.0, norm_variance=0.1, square_slope=math.nan)]),
            "regression slopes are finite; found mean, square, signal: [0.0, nan, 0.0]. Repair: pass 0.0 for one that is not known",
        ),
        (
            lambda: given_moments([Population(np.diag([1.0, -1.0]) + np.eye(2) / 2, np.zeros(2), 1.0)]),
            "the covariance is positive semidefinite; found eigenvalues from -0.5 to 1.5. Repair: pass a covariance matrix, as A @ A.T",
        ),
        (
            lambda: given_moments([Population(np.eye(2), np.zeros(3), 1.0)]),
            "all covariances and signals have one dimension D; found [2, 3]. Repair: pass (D, D) and (D,) for every source",
        ),
        (
            lambda: icl_error(RandomTransformer("relu", 0.1), given_moments([Population(np.eye(2), np.zeros(2), 1.0)]), Sizes(1, 1, 1, 4)),
            "a random head has hidden units; found Sizes(d=1, context=1, tasks=1, samples=4, hidden=None). Repair: pass hidden=…",
        ),
        (
            lambda: icl_curve(LinearTransformer(0.1), given_moments([Population(np.eye(2), np.zeros(2), 1.0)]), [Ratios(1, 1, 1)]),
            "given covariances have a given d; found Ratios(alpha=1.0, kappa=1.0, tau=1.0, mu=None). Repair: pass Sizes(…)",
        ),
        (
            lambda: icl_error(LinearTransformer(0.1), "relu", Sizes(2, 2, 1, 4)),  # type: ignore[arg-type]
            "the task is a hermite_eq.Task, or given moments; found 'relu'. "
            "Repair: pass hermite_eq.Task(target, noise=0.01), or given_moments(…)",
        ),
    ],
)
def test_messages(call: object, message: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        call()  # type: ignore[operator]
    assert str(caught.value) == message
