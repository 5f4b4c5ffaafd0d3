"""Random members of the family with closed forms, as hypothesis strategies."""

import sympy
from hypothesis import strategies as st
from sympy import Abs, Heaviside, Max, Min, Rational, S, cos, erf, exp, sin

from hermite_eq.hermite import X

small = st.integers(-3, 3)
ratio = st.builds(Rational, st.integers(-4, 4), st.sampled_from([1, 2, 3]))
positive = st.builds(Rational, st.integers(1, 4), st.sampled_from([1, 2, 3]))


@st.composite
def smooth_terms(draw):
    """polynomial × one of exp, sin, cos, a Gaussian, erf."""
    p = sum(draw(small) * X**power for power in range(3)) + 1
    kernel = draw(
        st.sampled_from(
            [
                lambda w, q: S.One,
                lambda w, q: exp(w * X / 2),
                lambda w, q: sin(w * X + q),
                lambda w, q: cos(w * X + q),
                lambda w, q: exp(-w * X**2 / 2 + q * X / 2),
                lambda w, q: erf(w * X + q),
            ]
        )
    )
    return p * kernel(draw(positive), draw(ratio))


@st.composite
def kinked_terms(draw):
    """Continuous: a kink at q times a polynomial, an exponential or a wave."""
    q = draw(ratio)
    kink = draw(st.sampled_from([Abs(X - q), Max(X, q), Min(X, q), Max(q - X, 0), Max(-1, Min(1, X - q))]))
    return draw(small) * kink * draw(st.sampled_from([S.One, X, exp(X / 2), sin(X)])) + draw(small)


continuous = st.lists(st.one_of(smooth_terms(), kinked_terms()), min_size=1, max_size=2).map(lambda f: sympy.Add(*f))
members = st.tuples(continuous, st.sampled_from([S.Zero, Heaviside(X - 1), sympy.sign(X) * X**2])).map(lambda f: sympy.Add(*f))
