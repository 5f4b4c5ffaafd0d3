"""The one door from what a user writes to an Activation."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from hermite_eq.activations.activation import Activation, Parity
from hermite_eq.activations.evaluation import FOLLOWED
from hermite_eq.activations.formulas.piecewise import kinks as meeting_points
from hermite_eq.activations.formulas.rewriting import written_out
from hermite_eq.activations.formulas.symbolic import ExpressionFunction, check_size, in_standard_variable, proved_parity
from hermite_eq.activations.guest import PROBE, check_defined, epsilon, examined
from hermite_eq.activations.names.parse import is_registered_name, parameter_names, parse_expression
from hermite_eq.activations.names.registry import registered
from hermite_eq.arguments import sequence, shown
from hermite_eq.errors import ArgumentTypeError, HypothesisError
from hermite_eq.hermite import X

#: Points of PROBE at which functions of which no table is kept are held against SymPy's values. SciPy's special functions have ten digits
#: and more: what is further off is another function of the same name.
_COMPARED, _SAME = [3, 13, 18, 21, 27, 37], 1e-9


def activation(
    sigma: Any,
    *,
    parameters: Collection[str] = (),
    name: str | None = None,
    kinks: Sequence[Any] | None = None,
    parity: Parity = None,
    lipschitz: float | None = None,
    strip: float | None = None,
    reference: str = "",
) -> Activation:
    r"""The :class:`Activation` meant by ``sigma``.

    Parameters
    ----------
    sigma : str, sympy.Expr, callable, or Activation
        A registered name; text of an expression in x (read by :func:`parse_expression`); a SymPy expression in one symbol, or
        in one named ``x`` and parameters; a vectorised, elementwise NumPy function; or an Activation, returned as it is.
    parameters : sequence of str, optional
        Names of symbols, other than the variable, which stay symbolic.
    name : str, optional
        For the figures' legends.
    kinks : sequence of numbers, optional
        Where some derivative jumps, in increasing order. Of an expression they are found, if its branches meet where
        polynomials vanish; of a callable they are best declared.
    parity, lipschitz, strip, reference
        Facts about ``sigma``, see :class:`Activation`. A declared parity is held against values; the certified engine holds
        the others against its own bounds.

    Raises
    ------
    HypothesisError
        Unknown name; several symbols none of which is x; complex or NaN values; a callable that is not vectorised or not
        elementwise; a declared fact that values contradict.

    Examples
    --------
    >>> activation("relu").kinks
    (0,)
    >>> activation("max(x - 1/3, 0)").kinks
    (1/3,)
    >>> activation(sympy.tanh(sympy.Symbol("t"))).parity
    'odd'
    >>> activation(np.arctan, lipschitz=1.0).name
    'arctan'
    """
    facts = {"parity": parity, "lipschitz": lipschitz, "strip": strip, "reference": reference, "name": name, "kinks": kinks}
    given = {key: value for key, value in facts.items() if value is not None and not (isinstance(value, str) and not value)}
    names = parameter_names(parameters)
    if isinstance(sigma, str):
        sigma = registered(sigma) if is_registered_name(sigma, names) else parse_expression(sigma, parameters=names)
    elif names and not isinstance(sigma, sympy.Expr):
        raise HypothesisError("parameters are symbols of an expression", f"parameters={names} beside {shown(sigma)}", "drop parameters=…")
    if isinstance(sigma, Activation):
        if given:
            raise HypothesisError(
                "an Activation already states its own facts",
                f"{', '.join(given)} beside {sigma.name}",
                "use dataclasses.replace(activation, …)",
            )
        return sigma
    if isinstance(sigma, sympy.Expr):
        _check_assumptions(sigma)
        if kinks is not None:
            given["kinks"] = sequence(kinks, "kinks")
        return _with_facts(_from_expression(written_out(in_standard_variable(sigma, names))), given)
    if callable(sigma):
        return _from_callable(sigma, {**given, "kinks": () if kinks is None else sequence(kinks, "kinks")})
    raise ArgumentTypeError(
        "an activation is a registered name, an expression in one symbol, a vectorised function, or an Activation",
        f"{type(sigma).__name__} {shown(sigma)}",
        "pass 'relu', sympy.tanh(x) or numpy.tanh, say",
    )


def _check_assumptions(expression: sympy.Expr) -> None:
    """SymPy simplifies by what is assumed of a symbol: with x positive, Max(x, 0) is x before anyone sees it."""
    everywhere, symbols = X.assumptions0, expression.free_symbols
    for symbol in symbols if len(symbols) == 1 else {symbol for symbol in symbols if symbol.name == X.name}:
        beyond = [name for name, value in symbol.assumptions0.items() if everywhere.get(name) is not value]
        if beyond:
            declared = symbol._assumptions_orig or {name: symbol.assumptions0[name] for name in beyond}
            stated = ", ".join(f"{name}={value}" for name, value in sorted(declared.items()))
            raise HypothesisError(
                "what is assumed of the variable holds on the whole real line",
                f"{symbol.name} = Symbol({symbol.name!r}, {stated}) in {expression}",
                f"build the expression with sympy.Symbol({symbol.name!r}, real=True)",
            )


def _with_facts(sigma: Activation, given: dict[str, Any]) -> Activation:
    if not given:
        return sigma
    facts = {field: getattr(sigma, field) for field in ("name", "kinks", "parity", "lipschitz", "strip", "reference")} | given
    entry = Activation(expression=sigma.expression, function=sigma.function, **facts)
    if not entry.parameters:
        _check_parity(entry, np.asarray(entry.function(PROBE)))
    return entry


@lru_cache(maxsize=512)
def _from_expression(standard: sympy.Expr) -> Activation:
    check_size(standard)
    function = ExpressionFunction(standard)
    if standard.free_symbols - {X}:
        return Activation(str(standard), standard, function, parity=proved_parity(standard))
    _check_expression(standard, function)
    return Activation(str(standard), standard, function, meeting_points(standard), proved_parity(standard))


def _check_expression(expression: sympy.Expr, function: ExpressionFunction) -> None:
    try:
        values = function(PROBE)
    except HypothesisError:
        raise
    except (TypeError, ValueError, NameError, AttributeError, SyntaxError, KeyError):
        # SymPy's NumPy printer found no NumPy or SciPy counterpart.
        raise HypothesisError(
            "every function in an expression has a NumPy or SciPy counterpart",
            f"{expression}",
            "pass a vectorised NumPy function instead",
        ) from None
    if np.iscomplexobj(values):
        raise _complex(str(expression))
    bad = np.flatnonzero(np.isnan(values))
    looked_at = [int(bad[0])] if bad.size else []
    looked_at += _COMPARED if any(part.has(X) and part.func not in FOLLOWED for part in expression.atoms(sympy.Function)) else []
    for i in looked_at:
        _check_value(expression, sympy.Float(PROBE[i]), values[i])
    check_defined(str(expression), PROBE, values)


def _check_value(expression: sympy.Expr, place: sympy.Float, value: float) -> None:
    """Refuse what SymPy has other values for: SciPy's function of the same name may be another one, as log|Γ| for log Γ."""
    try:
        truth = sympy.N(expression.xreplace({X: place}))
    except ValueError:  # outside the domain of a function of mpmath
        return
    if truth.is_number and truth.is_real is False:
        raise _complex(f"{expression} at x = {place:.3g}")
    if math.isfinite(value) and not (truth.is_real and abs(float(truth) - value) <= _SAME * max(1, abs(value))):
        raise HypothesisError(
            "every function in an expression has a NumPy or SciPy counterpart with the same values",
            f"{expression}, which is {truth} at x = {place:.3g}, where SciPy has {value:.6g}",
            "pass a vectorised NumPy function instead",
        )


def _from_callable(function: Callable[..., Any], facts: dict[str, Any]) -> Activation:
    name = facts.pop("name", None) or getattr(function, "__name__", type(function).__name__)
    entry = Activation(name=name, expression=None, function=examined(function, name), **facts)
    _check_parity(entry, entry.function(PROBE))
    return entry


def _check_parity(entry: Activation, values: NDArray[Any]) -> None:
    if entry.parity is None:
        return
    with np.errstate(all="ignore"):
        reflected = np.asarray(entry.function(-PROBE))
    reflected = reflected if entry.parity == "even" else -reflected
    slack = 64 * epsilon(values)
    wrong = np.abs(reflected - values) > slack * (1 + np.abs(values)) * (1 + np.abs(PROBE))
    if np.any(wrong):
        place = PROBE[np.flatnonzero(wrong)[0]]
        raise HypothesisError(
            f"{entry.name} is declared {entry.parity}",
            f"σ({place:.3g}) = {entry(place):.6g} and σ({-place:.3g}) = {entry(-place):.6g}",
            "drop the declaration parity=…",
        )


def _complex(what: str) -> HypothesisError:
    return HypothesisError(
        "an activation is real-valued on the real line", f"complex values of {what}", "take the real part, or |x| inside"
    )
