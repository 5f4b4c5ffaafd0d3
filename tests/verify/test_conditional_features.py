"""Given the spike component, features after a rank-one step have the conditional coefficients."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hermite_eq import Sizes
from hermite_eq.activations import activation
from hermite_eq.models import Source, Spike, Task
from hermite_eq.simulate.sampler import child_seeds
from hermite_eq.simulate.training.draw import draw_run
from hermite_eq.simulate.training.heads import StepSource
from hermite_eq.simulate.training.onestep import gradients
from hermite_eq.structured import conditional_coefficients

UNITS = 120_000


@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_features_of_units_given_one_context(name: str) -> None:
    # u and v do not depend on F: given h with ‖h‖² = t, f_iᵀh is N(0, 1), and the pre-activation N(η u_i vᵀh, 1), exactly.
    d = 6
    task = Task(sources=[Source("relu", 1e-4, task_cov=Spike(36.0))], unit_inputs=True, unit_link=True)
    sizes = Sizes(d, d, math.inf, 40, UNITS)
    draw = draw_run(task, sizes, 20, True, np.float64, child_seeds(2, range(1))[0], True)
    sigma = activation(name)
    step = gradients(StepSource(sigma, True), draw.step, draw.layer, draw.start, draw.trace, [(40, UNITS)], [0, 40])[40, UNITS]
    h = draw.fresh.h()
    h = h * (math.sqrt(draw.trace) / np.linalg.norm(h, axis=1))[:, None]
    context = h[np.argmax(np.abs(h @ step.v))]
    g, shift = draw.layer @ context, step.u * (context @ step.v)
    # A step with which shifts are of size one.
    shift = shift / shift.std()
    grid = np.linspace(shift.min(), shift.max(), 400)
    table = conditional_coefficients(name, grid, 1.0, degree=2)
    for k, polynomial in enumerate([np.ones_like(g), g, g**2 - 1]):
        # Analytic in the shift: linear interpolation on 400 points errs by (Δm)²/8 times |c_k''| ≤ 4, below 1e-3 of a standard deviation.
        expected = np.interp(shift, grid, table[:, k])
        for weight in (np.ones_like(shift), shift):
            values = weight * (sigma(shift + g) * polynomial - expected)
            z = values.mean() / (values.std() / math.sqrt(UNITS))
            # 12 statistics, |z| < 5: false alarm 7e-6.
            assert abs(z) < 5
    # Coefficients of another scale, five per cent off, are refused.
    wrong = np.interp(shift, grid, conditional_coefficients(name, grid, 1.05, degree=1)[:, 1])
    values = sigma(shift + g) * g - wrong
    assert abs(values.mean() / (values.std() / math.sqrt(UNITS))) > 5
