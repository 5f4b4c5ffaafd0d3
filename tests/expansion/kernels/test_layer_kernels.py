"""Kernels of random layers: closed form = composition with its error = networks of finite width, in NumPy, PyTorch and JAX."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

from hermite_eq import HypothesisError, activation, dual_activation
from hermite_eq.activations.derivative import derivative
from hermite_eq.expansion import layer_kernel

RHO = np.array([-1.0, -0.7, 0.0, 0.4, 0.95, 1.0])
#: Two-sided false-alarm rate 6e-5 for each comparison.
Z = 4.0


def _networks(names: tuple[str, str], rho: float, width: int, count: int, w2: float, b2: float) -> tuple[np.ndarray, np.ndarray]:
    """Products of outputs, over the last layer's weights, and tangent kernels of networks of two hidden layers, by their gradients."""
    rng, d = np.random.default_rng(3), 64
    x = np.zeros((2, d))
    x[:, 0] = math.sqrt(d)
    x[1, :2] = math.sqrt(d) * np.array([rho, math.sqrt(1 - rho**2)])
    first, second = (activation(name) for name in names)
    slope1, slope2 = derivative(first), derivative(second)
    nngp, ntk = np.empty(count), np.empty(count)
    for i in range(count):
        W1, W2, a = rng.standard_normal((width, 2)), rng.standard_normal((width, width)), rng.standard_normal(width)
        c1, c2 = rng.standard_normal((2, width))
        # Only two entries of the inputs are not 0.
        z1 = math.sqrt(w2 / d) * x[:, :2] @ W1.T + math.sqrt(b2) * c1
        h1 = first(z1)
        z2 = math.sqrt(w2 / width) * h1 @ W2.T + math.sqrt(b2) * c2
        h2 = second(z2)
        nngp[i] = w2 / width * h2[0] @ h2[1] + b2
        back2 = math.sqrt(w2 / width) * a * slope2(z2)
        back1 = math.sqrt(w2 / width) * (back2 @ W2) * slope1(z1)
        ntk[i] = nngp[i] + back2[0] @ back2[1] * (w2 / width * h1[0] @ h1[1] + b2) + back1[0] @ back1[1] * (w2 / d * x[0] @ x[1] + b2)
    return nngp, ntk


@pytest.mark.parametrize(("names", "w2", "b2"), [(("relu", "relu"), 2.0, 0.0), (("tanh", "gelu"), 1.5, 0.3)])
def test_networks_of_finite_width_agree_and_see_five_per_cent(names: tuple[str, str], w2: float, b2: float) -> None:
    kernel, rho, width = layer_kernel(names, weight_variance=w2, bias_variance=b2), 0.3, 150
    for simulated, predicted in zip(_networks(names, rho, width, 2000, w2, b2), (kernel.nngp(rho), kernel.ntk(rho)), strict=True):
        # The bias of a width is of the order 1/width of the value.
        allowed = Z * simulated.std(ddof=1) / math.sqrt(simulated.size) + 1.5 / width * predicted
        assert abs(simulated.mean() - predicted) < allowed
        assert abs(simulated.mean() - 1.05 * predicted) > allowed


def test_stated_errors_hold_against_fifty_digits() -> None:
    kernel = layer_kernel(["relu", "relu", "relu"], weight_variance=2)
    with mpmath.workdps(50):
        for rho, nngp, ntk, bound, neural in zip(
            RHO.tolist(), kernel.nngp(RHO), kernel.ntk(RHO), kernel.nngp_errors(RHO), kernel.ntk_errors(RHO), strict=True
        ):
            value = tangent = 2 * mpmath.mpf(rho)
            for _ in range(3):
                r = value / 2
                value = 2 * (mpmath.sqrt(1 - r * r) + r * (mpmath.pi - mpmath.acos(r))) / mpmath.pi
                tangent = value + (mpmath.pi - mpmath.acos(r)) / mpmath.pi * tangent
            assert abs(nngp - value) <= bound <= 1e-12
            assert abs(ntk - tangent) <= neural <= 1e-6


def test_the_closed_form_is_the_composition() -> None:
    kernel = layer_kernel(["relu", "erf"], weight_variance=1.5, bias_variance=0.1)
    assert kernel.nngp_exact is not None
    assert kernel.ntk_exact is not None
    rho = next(iter(kernel.nngp_exact.free_symbols))
    for place in (-0.8, 0.2, 0.9):
        assert kernel.nngp(place) == pytest.approx(float(kernel.nngp_exact.subs(rho, place)), rel=1e-13)
        assert kernel.ntk(place) == pytest.approx(float(kernel.ntk_exact.subs(rho, place)), rel=1e-13)


@pytest.mark.parametrize("names", [("relu", "tanh"), ("hardtanh",), ("erf", "gelu")])
def test_the_slope_is_the_difference_quotient(names: tuple[str, ...]) -> None:
    kernel, step = layer_kernel(names, weight_variance=1.3, bias_variance=0.2), 1e-5
    quotient = (kernel.nngp(0.4 + step) - kernel.nngp(0.4 - step)) / (2 * step)
    # Rounding of 1e-14 over the step, and the step's square.
    assert kernel.slope(0.4) == pytest.approx(quotient, abs=1e-8)


@pytest.mark.parametrize("names", [("relu", "relu"), ("tanh",), ("max(x - 1/3, 0)", "erf")])
def test_jax_and_torch_have_the_values_and_their_derivatives(names: tuple[str, ...]) -> None:
    jax, torch = pytest.importorskip("jax"), pytest.importorskip("torch")
    kernel = layer_kernel(names, weight_variance=1.5, bias_variance=0.1)
    values, slopes, tangents = kernel.nngp(RHO), kernel.slope(RHO), kernel.ntk(RHO)
    with jax.enable_x64(True):
        given = jax.numpy.asarray(RHO)
        np.testing.assert_allclose(np.asarray(jax.jit(kernel.nngp)(given)), values, rtol=1e-8)
        # The derivative of polynomials that are right to 2e-9: by Markov's inequality worse by
        # the square of their degree, at most 128: 3e-5.
        np.testing.assert_allclose(np.asarray(jax.vmap(jax.grad(kernel.nngp))(given)), slopes, rtol=1e-4)
        np.testing.assert_allclose(np.asarray(kernel.ntk(given)), tangents, rtol=1e-6)
    tensor = torch.tensor(RHO, requires_grad=True)
    nngp = kernel.nngp(tensor)
    nngp.sum().backward()
    np.testing.assert_allclose(nngp.detach().numpy(), values, rtol=1e-8)
    np.testing.assert_allclose(tensor.grad.numpy(), slopes, rtol=1e-4)
    single = kernel.ntk(torch.tensor(RHO, dtype=torch.float32))
    assert single.dtype == torch.float32
    # √ε of single precision, where the slope of a kink ends in a root.
    np.testing.assert_allclose(single.numpy(), tangents, rtol=2e-3)


@pytest.mark.parametrize("sigma", ["sign", "heaviside", "sqrt(abs(x))", np.tanh])
def test_without_a_square_integrable_derivative_there_is_no_tangent_kernel(sigma: object) -> None:
    kernel = layer_kernel([sigma])
    assert math.isfinite(kernel.nngp(1.0))
    with pytest.raises(HypothesisError, match="does not jump, and has E σ'"):
        kernel.ntk(0.5)


def test_hostile_layers_have_their_own_errors() -> None:
    for activations, keywords, message in (
        ([], {}, "non-empty sequence"),
        ("relu", {}, "non-empty sequence"),
        (["relu", "0", "relu"], {}, "positive variance"),
        (["exp(x^2/3)"], {}, "integrable against"),
        (["relu"], {"weight_variance": 0}, "> 0"),
        (["relu"], {"bias_variance": -1}, "≥ 0"),
        (["relu"], {"input_variance": math.nan}, "> 0"),
        (["1/x"], {}, "square integrable"),
    ):
        with pytest.raises(HypothesisError, match=message):
            layer_kernel(activations, **keywords)
    with pytest.raises(HypothesisError, match="correlation"):
        layer_kernel(["relu"]).nngp(1.5)


def test_a_layer_that_vanishes_may_be_followed_where_there_are_biases() -> None:
    kernel = layer_kernel(["0", "relu"], weight_variance=2, bias_variance=1)
    # Pre-activations are biases alone: of variance 1, and equal for both inputs.
    assert kernel.nngp(0.0) == pytest.approx(2.0)


def test_tex_has_the_closed_form_or_the_recursion() -> None:
    assert layer_kernel(["square"]).latex() == r"\Sigma(\rho) = 2 \rho^{2} + 1"
    assert r"\kappa_l'" in layer_kernel(["tanh"]).latex("ntk")


def test_the_slope_of_a_cross_kernel() -> None:
    assert dual_activation("relu", "identity").slope(0.3) == pytest.approx(0.5)
