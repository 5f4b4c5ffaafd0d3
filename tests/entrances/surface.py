"""Every public callable of the library, found by walking its exports, and arguments with which each can be called.

A new entrance is walked as soon as it is exported. Its arguments are looked up by name in ``VALID``; the same name means the same thing
wherever it is used, and ``SPECIAL`` holds what is meant otherwise.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import math
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
import sympy

import hermite_eq
from hermite_eq import models, simulate, theory
from hermite_eq.activations import activation
from hermite_eq.covariance import covariance
from hermite_eq.expansion import gegenbauer_coefficients, information_exponent, layer_kernel
from hermite_eq.hermite import X
from hermite_eq.trained import FullLinearAttention, SoftmaxTransformer

#: Records which the library makes and users read; their fields are results, checked where they are computed.
RESULTS = {
    "BestHead",
    "BestMixture",
    "Check",
    "Contexts",
    "Coupling",
    "DiscretePriorLimit",
    "ErrorGradient",
    "GradientDecomposition",
    "InterpolationPeak",
    "MixingCurve",
    "MixingGradient",
    "MonteCarlo",
    "OptimalContext",
    "OptimalRidge",
    "OptimalRidgeCurve",
    "PhaseDiagram",
    "Piece",
    "Preactivations",
    "QuadratureEstimate",
    "RidgelessError",
    "RidgelessLimit",
    "SimulatedCurve",
    "SimulatedDifference",
    "SimulatedError",
    "SufficientDegree",
    "Tasks",
    "TheoryCurve",
    "TheoryError",
    "UniversalityError",
    "AveragedCovariance",
    "Covariance",
    "LimitCovariance",
    "NormLaw",
    "SourceMoments",
    "TaskCovariance",
    "DualActivation",
    "HermiteExpansion",
    "TrainedError",
    "LayerKernel",
    "GegenbauerExpansion",
    "Exponent",
    "GaussianEquivalent",
    "EstimatedSpectrum",
    "PowerLawRates",
    "RidgeError",
    "DiversityDiagram",
    "TaskAlignment",
}
#: No functions of arguments: kinds of errors and of verdicts, abstract classes, protocols.
OTHER = {
    "HypothesisError",
    "ArgumentTypeError",
    "ConvergenceError",
    "StorageError",
    "OutOfMemoryError",
    "HypothesisWarning",
    "Verdict",
    "Distribution",
    "Structure",
    "SimulatedRuns",
    "Interrupted",
}


@dataclass(frozen=True)
class Entrance:
    """A public callable with its signature and arguments it accepts."""

    name: str
    function: Callable[..., Any]
    parameters: tuple[inspect.Parameter, ...]

    def arguments(self) -> dict[str, Any]:
        """Valid arguments, one for each parameter that has to be given, and for those which ``VALID`` knows."""
        special = SPECIAL.get(self.name, {})
        known = {**VALID, **special}
        return {
            parameter.name: known[parameter.name]()
            for parameter in self.parameters
            if parameter.name in special or parameter.default is inspect.Parameter.empty
        }

    def call(self, arguments: dict[str, Any]) -> Any:
        """The result, read once where it is lazy."""
        positional = [arguments[p.name] for p in self.parameters if p.kind is p.POSITIONAL_ONLY]
        return self.function(
            *positional, **{p.name: arguments[p.name] for p in self.parameters if p.kind is not p.POSITIONAL_ONLY and p.name in arguments}
        )


def _modules() -> Iterator[str]:
    yield "hermite_eq"
    yield "hermite_eq.hermite"
    for module in pkgutil.iter_modules(hermite_eq.__path__):
        if module.ispkg:
            yield f"hermite_eq.{module.name}"


@functools.cache
def entrances() -> tuple[Entrance, ...]:
    """Functions, constructors and their alternatives, each once, under its shortest name."""
    table: dict[Any, Entrance] = {}
    for module_name in _modules():
        module = importlib.import_module(module_name)
        prefix = module_name.removeprefix("hermite_eq").removeprefix(".")
        for name in sorted({*dir(module), *getattr(module, "STRATEGIES", ())}):
            if name.startswith("_") or name in OTHER or name in RESULTS:
                continue
            value = getattr(module, name)
            home = getattr(value, "__module__", "")
            if not callable(value) or not home.startswith("hermite_eq") or (module_name.endswith("hermite") and home != module_name):
                continue
            if value in table:
                continue
            table[value] = _entrance(f"{prefix}.{name}".lstrip("."), value)
            if inspect.isclass(value):
                for other, method in vars(value).items():
                    if isinstance(method, classmethod):
                        bound = getattr(value, other)
                        table[bound] = _entrance(f"{prefix}.{name}.{other}".lstrip("."), bound)
    methods = tuple(
        _entrance(f"{type(owner).__name__}.{name}", getattr(owner, name))
        for owner in OWNERS()
        for name in sorted(dir(owner))
        if (not name.startswith("_") or name in ("__call__", "__getitem__"))
        and callable(getattr(type(owner), name, None))
        and inspect.ismethod(getattr(owner, name))
    )
    return (*table.values(), *methods)


def _entrance(name: str, function: Callable[..., Any]) -> Entrance:
    parameters = tuple(p for p in inspect.signature(function).parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))
    return Entrance(name, function, (*parameters, *KEYWORDS.get(name, ())))


_OPTIONS = tuple(p.replace(kind=p.KEYWORD_ONLY) for p in inspect.signature(simulate.SimulationOptions).parameters.values())
#: What a function accepts by ``**``.
KEYWORDS = {
    "theory.ridgeless_limit": tuple(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in ("tau", "alpha")),
    "simulate.icl_error": _OPTIONS,
    "simulate.icl_curve": (*_OPTIONS, inspect.Parameter("samples", inspect.Parameter.KEYWORD_ONLY)),
}

_TASK = models.Task("relu", 0.1)
_MIXTURE = models.Task(sources=[models.Source("relu", 0.1), models.Source("relu", 0.2, task_cov=models.Spike(1.0))])
_SIZES = models.Sizes(4, 4, 3, 20, 12)
_FRESH = models.Sizes(4, 4, math.inf, 20, 12)
_RATIOS = models.Ratios(1.0, 0.5, 1.5, 1.0)
_LINEAR = models.LinearTransformer(0.1)
_HEAD = models.RandomTransformer("relu", 0.1)
_STEP = models.OneStepTransformer("relu", 1.0, 0.1)
_POPULATION = theory.Population(np.eye(2), np.ones(2), 3.0)
_ENTRIES = {"xx": X}


def _noise_map(d: int, rng: np.random.Generator) -> Any:
    return lambda count, rng: (rng.standard_normal((count, d)), rng.standard_normal(count))


@functools.cache
def _curve() -> Any:
    return theory.icl_curve(_LINEAR, _TASK, [_RATIOS, models.Ratios(1.0, 0.5, 2.5, 1.0)])


@functools.cache
def _simulated() -> Any:
    return simulate.icl_curve(_LINEAR, _TASK, _SIZES, samples=[10, 20], runs=2, rng=0)


@functools.cache
def _mixing() -> Any:
    return theory.mixing_curve(_LINEAR, _MIXTURE, _FRESH, [[0.5, 0.5], [0.25, 0.75]])


@functools.cache
def OWNERS() -> tuple[Any, ...]:
    """Objects whose methods are entrances too."""
    return (
        activation("relu"),
        hermite_eq.coefficients("relu", 3),
        hermite_eq.coefficients("tanh", 3).enclosure(1, 10),
        hermite_eq.dual_activation("relu"),
        layer_kernel(["relu", "erf"]),
        gegenbauer_coefficients("relu", 3, 2),
        information_exponent("square"),
        hermite_eq.equivalent_model("relu", 2),
        hermite_eq.equivalent_transformer(_HEAD, _TASK),
        covariance(_TASK),
        covariance(_MIXTURE.only(0)),
        _MIXTURE,
        models.Source("relu"),
        models.Toeplitz(0.5),
        models.Diagonal([1.0, 2.0]),
        models.Spike(1.0),
        models.PowerLaw(1.0),
        models.Dense(np.eye(2)),
        models.Identity(),
        _STEP,
        models.StudentT(3.0),
        _curve(),
        _simulated(),
        FullLinearAttention(),
        SoftmaxTransformer(2),
    )


VALID: dict[str, Callable[[], Any]] = {
    "A": lambda: np.eye(2),
    "F": lambda: np.ones((4 * 5, 2)),
    "activation": lambda: "relu",
    "activations": lambda: "relu",
    "alpha": lambda: 1.0,
    "along": lambda: "tau",
    "axes": lambda: None,
    "c": lambda: [1, sympy.Rational(1, 2), 0.25],
    "caption": lambda: "caption",
    "cases": lambda: {"k even": X},
    "columns": lambda: [("relu", [1, 2.0]), ("tanh", [0, 1.0])],
    "comment": lambda: "comment",
    "constants": lambda: [("c_1", "1")],
    "context": lambda: 4,
    "contexts": lambda: 100,
    "correlation": lambda: 0.5,
    "count": lambda: 3,
    "coupling": lambda: 0.5,
    "cov": lambda: np.eye(2),
    "covariance": lambda: np.eye(2),
    "curves": _curve,
    "d": lambda: 2,
    "degree": lambda: 2,
    "digits": lambda: 6,
    "dof": lambda: 5.0,
    "entries": lambda: _ENTRIES,
    "entry": lambda: activation("relu"),
    "expected": lambda: np.eye(2),
    "exponent": lambda: 1.0,
    "expression": lambda: sympy.Max(X, 0),
    "f": lambda: np.tanh,
    "feature_map": lambda: _noise_map,
    "first": lambda: activation("relu"),
    "function": lambda: np.abs,
    "gaps": lambda: (1 + 0.01 * np.random.default_rng(0).standard_normal((40, 4))) * np.array([10, 20, 40, 80]) ** -0.5,
    "gaussian_map": lambda: _noise_map,
    "head": lambda: "relu",
    "hidden": lambda: 12,
    "hypotheses": lambda: [("Lipschitz", True, "")],
    "inputs": lambda: np.eye(2),
    "k": lambda: 1,
    "kappa": lambda: 0.5,
    "kinks": lambda: [0.0],
    "label": lambda: "label",
    "matrix": lambda: np.eye(2),
    "mid": lambda: Decimal("0.5"),
    "model": lambda: _LINEAR,
    "model_a": lambda: _LINEAR,
    "model_b": lambda: _LINEAR,
    "models": lambda: _LINEAR,
    "moments": lambda: {"xx": X},
    "mu": lambda: 1.0,
    "name": lambda: "relu",
    "noise": lambda: 0.1,
    "number": lambda: 0.5,
    "obj": lambda: hermite_eq.coefficients("relu", 2),
    "order": lambda: 1,
    "other": lambda: "tanh",
    "parity": lambda: None,
    "point": lambda: 0,
    "points": lambda: [_RATIOS],
    "polynomial": lambda: "x",
    "population": lambda: theory.TaskPopulation,
    "power": lambda: 1,
    "radius": lambda: Decimal("0.001"),
    "ratios": lambda: _RATIOS,
    "relevant": lambda: ["c_0"],
    "residual": lambda: 0.5,
    "residual_ratio": lambda: 0.1,
    "rho": lambda: 0.5,
    "ridge": lambda: 0.1,
    "rng": lambda: 0,
    "runs": lambda: 2,
    "s": lambda: [1.0],
    "samples": lambda: np.random.default_rng(0).standard_normal((4000, 2)),
    "scale": lambda: 0.5,
    "scales": lambda: [0.5, 1.0],
    "second": lambda: activation("tanh"),
    "shape": lambda: (2, 2),
    "sharpness": lambda: 1.0,
    "shift": lambda: 0.5,
    "shifts": lambda: [0.0, 1.0],
    "side": lambda: "interpolating",
    "sigma": lambda: "relu",
    "size": lambda: 1,
    "sizes": lambda: _SIZES,
    "source": lambda: "relu",
    "sources": lambda: [models.Source("relu", 0.1)],
    "sphere": lambda: False,
    "step_size": lambda: 1.0,
    "strength": lambda: 1.0,
    "target": lambda: "relu",
    "task": lambda: _TASK,
    "tasks": lambda: 3,
    "tau": lambda: 1.5,
    "text": lambda: "max(x - 1/3, 0)",
    "trace": lambda: X,
    "training": lambda: [_POPULATION],
    "unit_inputs": lambda: False,
    "unit_link": lambda: False,
    "v": lambda: np.eye(2),
    "value": lambda: 0.5,
    "values": lambda: [1.0],
    "variance": lambda: X,
    "variances": lambda: [1.0, 2.0],
    "where": lambda: _RATIOS,
    "words": lambda: {"xx": {"n": X}},
    "x": lambda: [0.5, 1.0],
    "xi": lambda: np.ones(2),
    "z": lambda: np.eye(2),
}

_IDENTITY = models.Task("identity", 0.1)


@functools.cache
def _population() -> theory.TaskPopulation:
    return theory.TaskPopulation.from_tasks(_IDENTITY, np.eye(4)[:3], test=np.eye(4))


def _structured(part: str) -> Any:
    return getattr(_population(), part)


#: All that the formulas in TeX are made of.
SPECIAL: dict[str, dict[str, Callable[[], Any]]] = {
    "Sizes": {"samples": lambda: 20},
    "SoftmaxAttention": {"task": lambda: _MIXTURE},
    "Task": {"target": lambda: "relu", "noise": lambda: 0.1},
    "Task.only": {"s": lambda: 0},
    "Task.tested_on": {"s": lambda: 0},
    "HermiteExpansion.residual": {"r": lambda: 1},
    "HermiteExpansion.residual_enclosure": {"r": lambda: 1},
    "PolynomialActivation.__call__": {"rng": lambda: np.random.default_rng(0)},
    "SimulatedCurve.minus": {"other": _simulated},
    "Covariance.numeric": {"m": lambda: 0.5, "s": lambda: 1.0},
    "StudentT.draw": {"rng": lambda: np.random.default_rng(0)},
    "TheoryCurve.__getitem__": {"i": lambda: 0},
    "SimulatedCurve.__getitem__": {"i": lambda: 0},
    "activations.lipschitz_violation": {"sigma": lambda: activation("relu")},
    "RandomTransformer": {"activation": lambda: "relu", "ridge": lambda: 0.1},
    "theory.given_features": {
        "weights": lambda: [np.eye(2)],
        "activations": lambda: ["relu"],
        "moments": lambda: theory.given_moments([_POPULATION]),
    },
    "expansion.layer_kernel": {"activations": lambda: ["relu", "erf"]},
    "equivalent_transformer": {"model": lambda: _HEAD},
    "plotting.plot_mixing": {"curves": _mixing},
    "plotting.plot_phase": {"x": lambda: [1.0, 2.0], "y": lambda: [1.0, 2.0], "values": lambda: np.ones((2, 2))},
    "simulate.contexts": {"xi": lambda: np.ones(4)},
    "simulate.coupling": {"model": lambda: _HEAD, "contexts": lambda: 100},
    "simulate.dmmse_error": {"task": lambda: _IDENTITY, "test": lambda: 5},
    "simulate.gradient_step": {"model": lambda: _STEP},
    "simulate.icl_curve": {"points": lambda: _SIZES, "samples": lambda: [10, 20]},
    "simulate.join": {"curves": lambda: [_simulated()]},
    "simulate.preactivations": {"units": lambda: 2, "xi": lambda: np.ones(4), "F": lambda: np.ones((20, 2))},
    "structured.degree_needed": {"coupling": lambda: 0.1},
    "testing.Deviation": {"constant": lambda: 1.0, "order": lambda: -0.5},
    "testing.assert_equivalent": {
        "sizes": lambda: models.Sizes(4, 4, 4, 32),
        "margin": lambda: 0.2,
        "runs": lambda: 40,
        "model_b": lambda: models.LinearTransformer(0.1001),
    },
    "testing.assert_gaussian": {"mean": lambda: 0.0, "deviation": lambda: 0.0, "resolution": lambda: 0.25},
    "testing.assert_covariance": {
        "mean": lambda: 0.0,
        "deviation": lambda: 0.0,
        "resolution": lambda: 0.5,
        "excess_kurtosis": lambda: 1.0,
    },
    "testing.assert_hermite_coefficients": {
        "f": lambda: "relu",
        "expected": lambda: hermite_eq.coefficients("relu", 2),
        "samples": lambda: 262144,
        "accuracy": lambda: 0.0,
    },
    "testing.assert_rate": {"sizes": lambda: [10, 20, 40, 80], "order": lambda: -0.5, "tolerance": lambda: 0.25},
    "testing.assert_universal": {
        "dimensions": lambda: (4, 8),
        "samples": lambda: lambda d: 2 * d,
        "runs": lambda: 8,
        "test": lambda: 20,
        "resolution": lambda: 9.0,
    },
    "testing.mixtures": {"sources": lambda: 2},
    "trained.icl_error": {"model": FullLinearAttention, "epochs": lambda: 0, "test": lambda: 10},
    "theory.GivenMoments": {"training": lambda: (_POPULATION,), "test": lambda: (_POPULATION,), "trace": lambda: 2.0},
    "theory.Population": {"signal": lambda: np.ones(2), "square": lambda: 3.0, "mean": lambda: 0.0, "weight": lambda: 1.0},
    "theory.RotationInvariant": {"side": lambda: 2, **dict.fromkeys(("identity", "symmetric", "antisymmetric", "column"), lambda: 1.0)},
    "theory.Kronecker": {"inputs": lambda: np.eye(2), "context": lambda: np.eye(2)},
    "theory.Quadratics": {"eigenvalue": lambda: 1.0, "signal": lambda: np.ones(2)},
    "theory.bayes_error": {"task": lambda: _IDENTITY},
    "theory.bayes_error_with_covariance": {"task": lambda: _IDENTITY},
    "theory.best_mixture": {"task": lambda: _MIXTURE, "sizes": lambda: _FRESH},
    "theory.diversity_diagram": {"populations": lambda: [theory.TaskPopulation.from_covariances(_IDENTITY, np.eye(4))]},
    "theory.dmmse_limit": {"task": lambda: _IDENTITY},
    "theory.task_alignment": {"population": lambda: theory.TaskPopulation.from_covariances(_IDENTITY, np.eye(4))},
    "theory.estimated_spectrum": {"features": lambda: np.random.default_rng(0).standard_normal((9, 2)), "labels": lambda: np.arange(9.0)},
    "theory.exact_bayes_error": {"task": lambda: _IDENTITY},
    "theory.given_moments": {"trace": lambda: 2.0},
    "theory.mixing_curve": {"task": lambda: _MIXTURE, "sizes": lambda: _FRESH},
    "theory.mixing_gradient": {"task": lambda: _MIXTURE, "sizes": lambda: _FRESH},
    "theory.optimal_ridge_curve": {"points": lambda: [_SIZES]},
    "theory.phase_diagram": {"kappa": lambda: [0.5], "noise": lambda: [0.1]},
    "theory.power_law_rates": {"capacity": lambda: 2.0, "source": lambda: 0.5},
    "theory.random_features": {
        "spectrum": lambda: [1.0, 0.5],
        "alignment": lambda: [1.0, 0.0],
        "n": lambda: 9,
        "p": lambda: 20,
        "sigma": lambda: "relu",
    },
    "theory.ridge": {"spectrum": lambda: [1.0, 0.5], "alignment": lambda: [1.0, 0.0], "n": lambda: 9},
    "theory.ridgeless_limit": {"tau": lambda: sympy.oo, "alpha": lambda: sympy.oo},
    "theory.spiked_icl_error": {"model": lambda: _STEP, "sizes": lambda: _FRESH},
    "theory.TaskPopulation.from_covariances": {"train": lambda: np.eye(4), "test": lambda: np.eye(4)},
    "theory.TaskPopulation.from_sources": {"task": lambda: models.Task("relu", 0.1)},
    "theory.TaskPopulation.from_tasks": {"tasks": lambda: np.ones((3, 4)), "test": lambda: np.eye(4)},
    "theory.TaskPopulation": {name: partial(_structured, name) for name in ("spectrum", "train", "test")},
}
