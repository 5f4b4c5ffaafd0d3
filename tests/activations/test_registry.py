"""Every row of the table of activations, held against itself: the expression, the NumPy function, and the declared facts."""

from __future__ import annotations

import math
import pickle

import mpmath
import numpy as np
import pytest
import sympy

from hermite_eq.activations import Activation, activation, kinks, register, registered_names
from hermite_eq.activations.formulas.symbolic import ExpressionFunction, proved_parity
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.exact import supported
from hermite_eq.hermite import X

EPS = np.finfo(float).eps
# Off the kinks (all multiples of 1/2) and of both signs.
GRID = np.linspace(-12.03, 11.96, 1201)

every_name = pytest.mark.parametrize("name", registered_names())


def test_the_table_is_long_and_every_entry_is_found_by_name() -> None:
    assert len(registered_names()) >= 30
    assert all(activation(name).name == name and activation(name).reference for name in registered_names())


@every_name
def test_numpy_function_is_the_expression(name: str) -> None:
    entry = activation(name)
    values = entry(GRID)
    expected = ExpressionFunction(entry.expression)(GRID)
    # Literal evaluation of log(1 + e^x) or e^x − 1 cancels against 1, and the argument's own rounding is magnified by x σ'(x) and,
    # inside an exponential, by |x| once more.
    slope = np.abs(np.gradient(values, GRID))
    allowed = 8 * EPS * (1 + np.abs(values) * (1 + np.abs(GRID)) + np.abs(GRID) * slope)
    assert np.all(np.abs(values - expected) <= allowed)


@every_name
def test_float32_stays_float32_and_is_accurate(name: str) -> None:
    entry = activation(name)
    x = np.linspace(-4, 4, 101, dtype=np.float32)
    single, double = entry(x), entry(x.astype(float))
    assert single.dtype == np.float32
    assert np.all(np.abs(single - double) <= 16 * np.finfo(np.float32).eps * (1 + np.abs(double)) * (1 + np.abs(x)))


@every_name
def test_no_overflow_and_no_nan_far_out(name: str) -> None:
    # filterwarnings = error turns an overflow warning into a failure.
    values = activation(name)(np.array([-1e3, -300.0, 300.0, 1e3]))
    assert not np.any(np.isnan(values))


@every_name
def test_kinks_are_where_the_branches_meet(name: str) -> None:
    entry = activation(name)
    assert entry.kinks == kinks(entry.expression)


@every_name
def test_a_kink_shows_in_a_difference_quotient_and_nowhere_else(name: str) -> None:
    entry = activation(name)
    h = 2.0**-10

    def third(x: float) -> float:
        """Third difference across x, off centre, over h²: of order h if smooth, of order 1 at least where σ, σ' or σ'' jumps."""
        places = x + h * np.array([-1.2, -0.2, 0.8, 1.8])
        return float(np.abs(np.diff(entry(places), 3)[0])) / h**2

    for kink in entry.kinks:
        assert third(float(kink)) > 0.1
    elsewhere = [x for x in np.linspace(-4.3, 4.3, 23) if all(abs(x - float(kink)) > 0.01 for kink in entry.kinks)]
    # σ''' h is below 0.1 for every function of the table on this interval (e^4.3 = 74, h = 1/1024).
    assert max(map(third, elsewhere)) < 0.1


@every_name
def test_parity_is_right_and_not_withheld(name: str) -> None:
    entry = activation(name)
    even = np.max(np.abs(entry(-GRID) - entry(GRID)))
    odd = np.max(np.abs(entry(-GRID) + entry(GRID)))
    scale = float(np.max(np.abs(entry(GRID))))
    parity = "even" if even <= 8 * EPS * scale else "odd" if odd <= 8 * EPS * scale else None
    assert entry.parity == parity
    assert proved_parity(entry.expression) in (None, parity)


@every_name
def test_lipschitz_constant_is_the_supremum_of_the_slope(name: str) -> None:
    entry = activation(name)
    x = np.linspace(-40, 40, 640_001)
    if entry.lipschitz == math.inf:
        # No finite constant: the slope over [-n, n] or over a jump grows without bound.
        near = np.max(np.abs(np.diff(entry(x[np.abs(x) <= 4])))) / 1.25e-4
        far = np.max(np.abs(np.diff(entry(x)))) / 1.25e-4
        assert far > 4 * near or near > 1e3
        return
    assert entry.lipschitz is not None
    slopes = np.abs(np.diff(entry(x))) / np.diff(x)
    # From below: rounding of the difference. From above: the supremum is missed by O(1/x²) where it is only approached at
    # infinity (|x| = 40 for 1 − 1/x²-like slopes), by O(h) beside a kink in σ' and by O(h²) at a maximum inside.
    assert np.max(slopes) <= entry.lipschitz + 4 * EPS * np.max(np.abs(entry(x))) / 1.25e-4
    assert np.max(slopes) >= entry.lipschitz * (1 - 1 / 40**2) - 1.25e-4


@every_name
def test_strip_reaches_to_the_nearest_singularity(name: str) -> None:
    """Taylor coefficients at several centres: they shrink as ρ^-n for every ρ below the strip's half-width, and not for one above."""
    entry = activation(name)
    if entry.strip is None:
        assert entry.kinks
        return
    function = sympy.lambdify(X, entry.expression, "mpmath")
    radii = []
    with mpmath.workdps(30):
        # The real parts of the singularities nearest to the line: 0, gelu_tanh's ±0.634, mish's log(2)/2.
        for center in (0.0, 0.634, -0.634, math.log(2) / 2):
            # e^{-inθ} mean on a circle inside the strip gives the Taylor coefficients; their ratio gives the radius.
            radius = min(0.9 * entry.strip, 2.0)
            points = 128
            values = [function(mpmath.mpc(center) + radius * mpmath.expjpi(mpmath.mpf(2 * j) / points)) for j in range(points)]
            coefficients = [
                abs(sum(v * mpmath.expjpi(-mpmath.mpf(2 * j * n) / points) for j, v in enumerate(values))) / points
                for n in (0, *range(36, 44))
            ]
            # Inside the strip: the coefficients (times radius^n) decay at least as 0.9^n, up to the size of σ on the strip's edge.
            assert max(coefficients[1:]) <= 0.92**36 * 20 * (1 + max(abs(v) for v in values))
            top = max(coefficients[1:])
            radii.append(math.inf if top < 1e-12 else radius * float((max(abs(v) for v in values) / top) ** (1 / 40)))
    if entry.strip < math.inf:
        # Not much beyond it: the root test at n ≈ 40 is off by a factor (size)^(1/40), within 25 % for sizes between e^-9 and e^9.
        assert min(radii) <= 1.25 * entry.strip


@every_name
def test_closed_form_says_what_the_exact_engine_can_do(name: str) -> None:
    entry = activation(name)
    assert entry.closed_form == bool(supported(entry.expression))


@every_name
def test_entries_survive_pickling(name: str) -> None:
    # Simulations hand them to other processes.
    assert pickle.loads(pickle.dumps(activation(name))) == activation(name)


def test_named_variants_of_gelu_differ() -> None:
    x = np.linspace(-3, 3, 61)
    gaps = [np.max(np.abs(activation("gelu")(x) - activation(other)(x))) for other in ("gelu_tanh", "quick_gelu")]
    assert 1e-4 < gaps[0] < 1e-3 < 1e-2 < gaps[1] < 3e-2


def test_register_adds_in_one_call_and_refuses_to_overwrite() -> None:
    entry = register(activation(X * sympy.exp(-X), name="ricker_map"), replace=True)
    assert activation("ricker_map") is entry
    assert register(entry) is entry
    with pytest.raises(HypothesisError, match=r"a registered name stands for one activation; found 'relu', which is taken"):
        register(activation(X + 1, name="relu"))
    with pytest.raises(HypothesisError, match=r"a registered name is an identifier; found name='my act'"):
        register(activation(X + 1, name="my act"))


@pytest.mark.parametrize(
    ("other", "name"),
    [
        ("swish", "silu"),
        ("SiLU", "silu"),
        ("step", "heaviside"),
        ("LeakyReLU", "leaky_relu"),
        ("hard_tanh", "hardtanh"),
        ("Hardswish", "hardswish"),
        ("hard_silu", "hardswish"),
        ("log_sigmoid", "logsigmoid"),
        ("soft_sign", "softsign"),
        ("linear", "identity"),
        ("gelu_new", "gelu_tanh"),
        ("GELU", "gelu"),
        ("sgn", "sign"),
        ("expit", "sigmoid"),
        ("ReLU6", "relu6"),
        ("exponential", "exp"),
    ],
)
def test_other_names_stand_for_the_same_entry(other: str, name: str) -> None:
    assert activation(other) is activation(name)


def test_another_name_is_not_registered_by_mistake() -> None:
    with pytest.raises(HypothesisError, match="a registered name stands for one activation; found 'swish', which is taken"):
        register(activation(X + 1, name="swish"))


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(HypothesisError, match=r"found the unknown name 'reul'. Repair: did you mean 'relu'"):
        activation("reul")
    with pytest.raises(HypothesisError, match=r"found the unknown name 'gello'. Repair: did you mean 'gelu'"):
        activation("gello")
    with pytest.raises(HypothesisError, match=r"Repair: pass an expression in x"):
        activation("qqqqqqqqq")


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"kinks": (1, 0)}, "kinks are in increasing order; found kinks=(1, 0). Repair: pass kinks=(0.0, 1.0)"),
        ({"kinks": (math.nan,)}, "kinks are finite real numbers; found kinks=(nan,). Repair: pass kinks=(0, 1), say"),
        ({"kinks": (sympy.Symbol("a"),)}, "kinks are finite real numbers; found kinks=(a,). Repair: pass kinks=(0, 1), say"),
        ({"parity": "both"}, "a parity is 'even', 'odd' or None; found parity='both'. Repair: drop it: None is always right"),
        ({"lipschitz": -1.0}, "lipschitz is a number ≥ 0 (or inf), or None if unknown; found lipschitz=-1.0. Repair: pass lipschitz=None"),
        ({"strip": math.nan}, "strip is a number ≥ 0 (or inf), or None if unknown; found strip=nan. Repair: pass strip=None"),
        (
            {"strip": 1.0, "kinks": (0,)},
            "a function analytic in a strip has no kinks; found strip=1.0 beside kinks=(0,). Repair: declare one of the two",
        ),
    ],
)
def test_impossible_facts_are_refused(facts: dict[str, object], message: str) -> None:
    with pytest.raises(HypothesisError) as raised:
        Activation("f", None, np.tanh, **facts)  # type: ignore[arg-type]
    assert str(raised.value) == message
