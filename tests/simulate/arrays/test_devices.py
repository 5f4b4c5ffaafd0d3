"""Simulations on the arrays of other libraries against those of NumPy: array_api_strict, which has the array API alone, and PyTorch's."""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special

from hermite_eq import (
    HypothesisError,
    HypothesisWarning,
    LinearTransformer,
    OneStepTransformer,
    RandomTransformer,
    Sizes,
    Source,
    Spike,
    Task,
    equivalent_model,
)
from hermite_eq.activations import activation, registered_names
from hermite_eq.activations.array_function import array_function
from hermite_eq.cli import main
from hermite_eq.models import SoftmaxAttention, TrainedModel
from hermite_eq.simulate import SimulatedCurve, SimulationOptions, icl_curve, icl_error
from hermite_eq.simulate.arrays import HOST, arrays_on, devices
from hermite_eq.simulate.arrays.cholesky import BlockedSystem, inverse_norm
from hermite_eq.simulate.arrays.device import DeviceArrays
from hermite_eq.simulate.arrays.lapack import LapackSystem

Array = NDArray[np.float64]
Curves = tuple[SimulatedCurve, ...]
By = Callable[[Task, str, str], Curves]

TASK = Task("relu", noise=0.01)
MIXTURE = Task(sources=[Source("relu", 0.1), Source("tanh", 0.02, task_cov=Spike(9.0), input_mean=0.3)], weights=[0.3, 0.7])
SIZES = Sizes(d=8, context=8, tasks=4, samples=200, hidden=64)
#: λ = 1e-8 is [RT]'s, at which conditions at the peak are as they are; larger ones where there is a step.
MODELS = (
    RandomTransformer("relu", 1e-8),
    RandomTransformer(equivalent_model("relu", 2), 1e-8),
    RandomTransformer("gelu_tanh", 1e-3, normalise=True),
    LinearTransformer(1e-8),
    LinearTransformer(1e-8, intercept=True),
    OneStepTransformer("relu", 20.0, 1e-3),
    OneStepTransformer("tanh", 20.0, 1e-3, head=equivalent_model("tanh", 3), rank_one=True, normalise=True),
    RandomTransformer(activations=["relu", "tanh"], hidden=[90], ridge=1e-3, normalise=True),
)
#: Both sides of the peak at m = 64 hidden units, near it too; that of the linear Transformers is at d(d + 1) = 72.
SAMPLES = [16, 60, 66, 69, 75, 200]
#: The same in m, at 64 samples.
HIDDEN = [20, 60, 62, 67, 120]
#: Of the errors of the same draw, relatively.
TOLERANCE = {"double": 1e-9, "single": 1e-5}
EPS = np.finfo(float).eps


@pytest.fixture(params=["array_api_strict", "torch"])
def device(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(request.param)
    pytest.importorskip("array_api_compat")
    return str(request.param)


def difference(curves: Sequence[Any], others: Sequence[Any]) -> float:
    """The largest relative difference of the errors of any model, point and run."""
    return max(
        float(np.abs(getattr(second, name) / getattr(first, name) - 1).max())
        for first, second in zip(curves, others, strict=True)
        for name in ("icl_runs", "idg_runs")
    )


@pytest.fixture(scope="module")
def by_numpy() -> By:
    """The errors by NumPy, computed once for both libraries."""
    by_setting: dict[tuple[int, str, str], Curves] = {}

    def curves(task: Task, axis: str, precision: str) -> Curves:
        if (key := (id(task), axis, precision)) not in by_setting:
            by_setting[key] = simulated(task, axis, precision, "cpu")
        return by_setting[key]

    return curves


def simulated(task: Task, axis: str, precision: str, device: str) -> Curves:
    sizes = SIZES if axis == "samples" else Sizes(8, 8, 4, 64, 120)
    values: dict[str, Any] = {"samples": SAMPLES} if axis == "samples" else {"hidden": HIDDEN}
    values |= {"precision": precision, "device": device}
    return icl_curve(MODELS, task, sizes, runs=1, rng=0, test=100, queries=2, **values)


@pytest.mark.filterwarnings("ignore:the second moment:hermite_eq.HypothesisWarning")
@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize(("task", "axis"), [(TASK, "samples"), (TASK, "hidden"), (MIXTURE, "samples")], ids=["n", "m", "mixture"])
def test_the_same_draw_has_the_same_errors(task: Any, axis: Any, precision: Any, device: str, by_numpy: By) -> None:
    expected, on_device = by_numpy(task, axis, precision), simulated(task, axis, precision, device)
    assert difference(expected, on_device) < TOLERANCE[precision]
    for first, second in zip(expected, on_device, strict=True):
        for here, there in zip(first, second, strict=True):
            assert here.fallbacks == there.fallbacks == 0
            np.testing.assert_allclose(there.condition_runs, here.condition_runs, rtol=TOLERANCE[precision])
    # Conditions at the peak are what magnifies a difference.
    assert max(point.condition_runs.max() for point in expected[0]) > 1e5


def test_sums_of_products_in_single_precision_would_be_seen(by_numpy: By, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("array_api_strict")

    def in_single(self: DeviceArrays, triangle: Any, rows: Any) -> Any:
        single = self.xp.asarray(rows, dtype=self.xp.float32)
        triangle += self.double(single.T @ single)
        return triangle

    monkeypatch.setattr(DeviceArrays, "add_squares", in_single)
    assert difference(by_numpy(TASK, "samples", "single"), simulated(TASK, "samples", "single", "array_api_strict")) > TOLERANCE["single"]


@pytest.mark.filterwarnings("ignore:the second moment:hermite_eq.HypothesisWarning")
def test_singular_systems_are_solved_by_singular_values_everywhere(device: str) -> None:
    # Without a ridge two equal hidden units make every primal system singular, and more samples than features the dual ones.
    models: list[TrainedModel] = [LinearTransformer(0.0), RandomTransformer("heaviside", 0.0)]
    keep: dict[str, Any] = {"samples": [15, 40], "runs": 1, "rng": 0, "test": 50, "precision": "double"}
    sizes = Sizes(d=3, context=4, tasks=2, samples=40, hidden=16)
    first, second = (icl_curve(models, Task("sign"), sizes, device=where, **keep) for where in ("cpu", device))
    assert [curve.fallbacks for curve in first] == [curve.fallbacks for curve in second]
    assert difference(first, second) < 1e-6


def test_linear_heads_tested_on_contexts(device: str) -> None:
    first, second = (
        icl_error(LinearTransformer(0.1), SoftmaxAttention(TASK, 1.0), SIZES, runs=2, rng=0, test=50, device=where)
        for where in ("cpu", device)
    )
    np.testing.assert_allclose(second.icl_runs, first.icl_runs, rtol=1e-12)


def test_the_budget_of_memory_holds_there_too(device: str) -> None:
    keep: dict[str, Any] = {"runs": 1, "rng": 0, "test": 100, "precision": "double", "device": device}
    with pytest.raises(HypothesisError, match="the memory budget holds") as refusal:
        icl_error(MODELS[:4], TASK, SIZES, memory=1000, **keep)
    least = refusal.value.repair.split('"')[1]
    whole, pieces = (icl_error(MODELS[:4], TASK, SIZES, memory=memory, **keep) for memory in (None, least))
    for first, second in zip(whole, pieces, strict=True):
        np.testing.assert_allclose(second.icl_runs, first.icl_runs, rtol=8 * 64 * EPS * first.condition_runs.max())


# Activations.


def test_formulas_have_the_values_of_the_activations(device: str) -> None:
    arrays = arrays_on(device)
    assert isinstance(arrays, DeviceArrays)
    x = 2 * np.random.default_rng(0).standard_normal((40, 3))
    functions = {name: array_function(activation(name), arrays.xp, arrays._library.functions) for name in registered_names()}
    for name, function in functions.items():
        if function is not None:
            expected = activation(name)(x)
            # Products of up to three factors, and exponentials of arguments of up to ten.
            np.testing.assert_allclose(arrays.get(function(arrays.put(x))), expected, rtol=0, atol=64 * EPS * np.abs(expected).max())
            assert arrays.precision(function(arrays.put(x, np.float32))) == np.float32
    # sin(x)/x has its limit at 0, and the array API no error function.
    without = {name for name, function in functions.items() if function is None}
    assert without == {"sinc"} | ({"gelu", "erf", "normal_cdf"} if device == "array_api_strict" else set())


@pytest.mark.parametrize("text", ["max(x - 1/3, 0)", "x^9", "1/(1 + x^2)", "sqrt(x^2 + 1)", "2^x", "x*heaviside(x)", "log(1 + exp(x))"])
def test_formulas_of_the_user(text: Any) -> None:
    sigma = activation(text)
    function = array_function(sigma, np, {})
    x = np.random.default_rng(0).standard_normal(50)
    assert function is not None
    np.testing.assert_allclose(function(x), sigma(x), rtol=0, atol=64 * EPS * np.abs(sigma(x)).max())


def test_formulas_beyond_the_array_api_have_none() -> None:
    assert array_function(activation("besselj(0, x)"), np, {}) is None
    assert array_function(activation("a*x", parameters=["a"]), np, {}) is None
    assert array_function(activation(np.arctan), np, {}) is None


def test_a_callable_is_evaluated_on_the_host_and_says_so(device: str) -> None:
    def bent(x: Array) -> Array:
        return np.where(x > 0, x, x / 3)

    with pytest.warns(HypothesisWarning, match=rf"bent has no formula that {device} evaluates: .* by NumPy on the host"):
        error = icl_error(RandomTransformer(bent, 0.1), TASK, SIZES, runs=1, rng=0, test=50, precision="double", device=device)
    expected = icl_error(RandomTransformer(bent, 0.1), TASK, SIZES, runs=1, rng=0, test=50, precision="double")
    np.testing.assert_allclose(error.icl_runs, expected.icl_runs, rtol=TOLERANCE["double"])


# Systems.


@pytest.mark.parametrize("size", [1, 7, 30])
def test_systems_agree_with_lapack(size: Any, device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hermite_eq.simulate.arrays.cholesky._BLOCK", 8)
    arrays, rng = arrays_on(device), np.random.default_rng(size)
    a = rng.standard_normal((40, size))
    matrix, right, sizes = np.asfortranarray(a.T @ a), rng.standard_normal((size, 2)), sorted({1, (size + 1) // 2, size})
    # The lower triangle is nobody's business.
    solutions = arrays.system(arrays.put(np.triu(matrix))).solve_leading(0.3, right, sizes)
    for (first, condition), (second, reference) in zip(solutions, LapackSystem(matrix).solve_leading(0.3, right, sizes), strict=True):
        assert first is not None
        assert second is not None
        np.testing.assert_allclose(first, second, rtol=0, atol=64 * size * EPS * reference * np.abs(second).max())
        assert condition == pytest.approx(reference, rel=64 * size * EPS * reference)


def test_singular_blocks_are_refused_and_smaller_ones_solved(device: str) -> None:
    a = np.random.default_rng(0).standard_normal((80, 40))
    a[:, 30] = a[:, 0]
    arrays, sizes = arrays_on(device), [10, 30, 31, 40]
    solved = arrays.system(arrays.put(a.T @ a)).solve_leading(0.0, (a.T @ np.ones(80))[:, None], sizes)
    assert [solution is None for solution, _ in solved] == [False, False, True, True]
    with pytest.raises(HypothesisError, match="the features and labels are finite"):
        arrays.system(arrays.put(np.full((3, 3), np.inf))).solve(0.0, np.ones((3, 1)))


@pytest.mark.parametrize("kind", ["positive", "alternating", "nearly singular"])
def test_the_estimate_of_a_norm_is_that_of_lapack(kind: Any) -> None:
    rng = np.random.default_rng(3)
    a = rng.standard_normal((30, 20)) + (kind == "positive")
    if kind == "alternating":
        a *= (-1.0) ** np.arange(20)
    if kind == "nearly singular":
        a[:, 3] = a[:, 5] + 1e-5 * rng.standard_normal(30)
    s = a.T @ a
    norm = np.abs(s).sum(axis=0).max() * inverse_norm(lambda x: np.linalg.solve(s, x), 20)
    _, expected = LapackSystem(np.asfortranarray(s)).solve(0.0, np.ones((20, 1)))
    assert norm == pytest.approx(expected, rel=64 * 20 * EPS * expected)


def test_errors_of_libraries_are_not_taken_for_singular_matrices(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("array_api_strict")
    arrays = arrays_on("array_api_strict")

    def broken(matrix: Array) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(arrays.xp.linalg, "cholesky", broken)
    with pytest.raises(RuntimeError, match="out of memory"):
        BlockedSystem(arrays, arrays.put(np.eye(3))).solve(0.0, np.ones((3, 1)))


# Devices by name.


@pytest.mark.parametrize("name", ["gpu", "cpu:0", "cupy:1", "", 3, None, {}, ["cpu"]])
def test_unknown_devices(name: Any) -> None:
    with pytest.raises(HypothesisError) as refusal:
        SimulationOptions(runs=1, device=name)
    assert str(refusal.value) == (
        "a device is cpu (NumPy), torch, torch:DEVICE as PyTorch names it, or cupy; "
        f'found device={name!r}. Repair: pass device="cpu", or device="torch:cuda"'
    )


@pytest.mark.parametrize(("missing", "repair"), [("torch", "install torch"), ("array_api_compat", r"install hermite-eq\[device\]")])
def test_a_library_that_is_not_installed(missing: Any, repair: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    imported = importlib.import_module

    def without(name: str) -> Any:
        if name.partition(".")[0] == missing or (missing == "torch" and name == "array_api_compat.torch"):
            raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)
        return imported(name)

    monkeypatch.setattr("hermite_eq.simulate.arrays.devices.importlib.import_module", without)
    message = rf"the library of the device is installed; found device='torch:meta' without {missing}. Repair: {repair}"
    with pytest.raises(HypothesisError, match=message):
        SimulationOptions(runs=1, device="torch:meta")


@pytest.mark.parametrize("name", ["torch:nowhere", "torch:cuda:99"])
def test_a_device_that_is_not_there(name: Any) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("array_api_compat")
    with pytest.raises(HypothesisError, match=rf"is there, and has double precision; found device='{name}', of which torch says: ."):
        SimulationOptions(runs=1, device=name)


def test_cupy_by_the_names_that_are_asked_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With NumPy's arrays in the place of CuPy's, which need a GPU."""
    compat = pytest.importorskip("array_api_compat.numpy")
    memory = SimpleNamespace(Device=lambda: SimpleNamespace(mem_info=(6 * 10**8, 10**9)))
    cupy = SimpleNamespace(asnumpy=np.array, cuda=memory, get_default_memory_pool=lambda: SimpleNamespace(free_bytes=lambda: 10**8))
    modules = {"array_api_compat.cupy": compat, "cupy": cupy, "cupyx.scipy.special": special}
    monkeypatch.setattr("hermite_eq.simulate.arrays.devices.importlib.import_module", modules.__getitem__)
    devices._on_device.cache_clear()
    try:
        expected, on_cupy = (simulated(TASK, "samples", "double", device) for device in ("cpu", "cupy"))
        assert difference(expected, on_cupy) < TOLERANCE["double"]
        assert arrays_on("cupy").budget() == int(0.8 * 7 * 10**8)
    finally:
        devices._on_device.cache_clear()


def test_numpy_alone_needs_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def refusing(name: str, *rest: Any, **named: Any) -> Any:
        assert name.partition(".")[0] not in ("torch", "cupy", "array_api_compat", "array_api_strict")
        return original(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", refusing)
    devices._on_device.cache_clear()
    assert arrays_on("cpu") is HOST


def test_the_command_line_has_devices(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compare", "--target", "relu", "--activation", "relu", "--device", "nowhere"]
    assert main(arguments) == 1
    assert "a device is cpu (NumPy), torch" in capsys.readouterr().err
