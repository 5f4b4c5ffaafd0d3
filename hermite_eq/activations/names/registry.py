"""Activations by name: those of the table, and what a user registers."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable

from hermite_eq.activations.activation import Activation
from hermite_eq.arguments import flag, instance
from hermite_eq.errors import HypothesisError


@functools.cache
def _entries() -> dict[str, Activation]:
    # The table takes as long as importing NumPy: it is made when a name is first asked for.
    from hermite_eq.activations.names.table import table

    return table()


# Other names in PyTorch, JAX, Keras, NumPy and papers, without capitals and underscores.
_ALIASES = {
    **dict.fromkeys(("linear", "id"), "identity"),
    **dict.fromkeys(("swish", "swish1"), "silu"),
    **dict.fromkeys(("step", "unitstep", "binarystep", "theta"), "heaviside"),
    **dict.fromkeys(("sgn", "signum"), "sign"),
    **dict.fromkeys(("ramp", "rectifier"), "relu"),
    **dict.fromkeys(("lrelu", "leakyrectify"), "leaky_relu"),
    **dict.fromkeys(("logistic", "expit"), "sigmoid"),
    **dict.fromkeys(("gelunew", "gelufast", "geluapproximate", "gelupytorchtanh"), "gelu_tanh"),
    **dict.fromkeys(("relu2", "squaredrelu", "relusquare"), "relu_squared"),
    **dict.fromkeys(("absolute", "modulus"), "abs"),
    "exponential": "exp",
    "hardsilu": "hardswish",
    "atan": "arctan",
    "asinh": "arcsinh",
    "sine": "sin",
    "cosine": "cos",
    "rbf": "gaussian",
    "quadratic": "square",
    "cube": "cubic",
    "logexpit": "logsigmoid",
}


def register(entry: Activation, *, replace: bool = False) -> Activation:
    """Add ``entry`` to the table under ``entry.name``, and return it.

    Raises
    ------
    HypothesisError
        If the name is taken and ``replace`` is false, or is not an identifier.

    Examples
    --------
    >>> import sympy
    >>> from hermite_eq.activations import activation, register
    >>> from hermite_eq.hermite import X
    >>> swish2 = register(activation(X / (1 + sympy.exp(-2 * X)), name="swish2"), replace=True)
    >>> activation("swish2") is swish2
    True
    """
    instance(entry, Activation, "what is registered is an Activation", "pass hermite_eq.activation(function, name='my_activation')")
    flag(replace, "replace")
    if not entry.name.isidentifier():
        raise HypothesisError("a registered name is an identifier", f"name={entry.name!r}", "pass activation(…, name='my_activation')")
    if stands_for(entry.name) not in (None, entry) and not replace:
        raise HypothesisError(
            "a registered name stands for one activation",
            f"{entry.name!r}, which is taken",
            "choose another name, or pass replace=True",
        )
    _entries()[entry.name] = entry
    return entry


def registered(name: str) -> Activation:
    """The activation of that name, or of another spelling of it.

    Raises
    ------
    HypothesisError
        For an unknown name; the message gives the nearest ones.
    """
    entry = stands_for(name)
    if entry is not None:
        return entry
    near = nearest(name, ())
    raise HypothesisError(
        "an activation is named as in the table",
        f"the unknown name {name!r}",
        (f"did you mean {' or '.join(map(repr, near))}? Otherwise " if near else "")
        + "pass an expression in x, such as 'max(x, x/3)'; hermite_eq.registered_names() lists the names",
    )


def stands_for(name: str) -> Activation | None:
    """The activation of that name, whatever its capitals and underscores, or of which it is another name; None where there is none.

    >>> stands_for("swish").name, stands_for("LeakyReLU").name
    ('silu', 'leaky_relu')
    """
    entries = _entries()
    if name in entries:
        return entries[name]
    meant = _ALIASES.get(_plain(name), name)
    return next((entry for key, entry in entries.items() if _plain(key) == _plain(meant)), None)


def nearest(name: str, others: Iterable[str]) -> list[str]:
    """The names, registered or among ``others``, that ``name`` may have been meant for, the likeliest first.

    >>> nearest("tahn", ())[0]
    'tanh'
    """
    plain = _plain(name)
    known = {_plain(key): key for key in (*others, *_ALIASES, *_entries())}
    # Names of the table come before others, and a pair of letters exchanged before a letter left out.
    near = sorted(difflib.get_close_matches(plain, known, n=4), key=lambda key: (key in _ALIASES, sorted(key) != sorted(plain)))
    return list(dict.fromkeys(known[key] for key in near))[:3]


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def registered_names() -> tuple[str, ...]:
    """All names, in the order of the table.

    >>> registered_names()[:3]
    ('identity', 'relu', 'leaky_relu')
    """
    return tuple(_entries())
