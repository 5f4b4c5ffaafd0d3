"""Refused simulations, figures and commands, the words of the repair, and the repair as a call."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any
from unittest.mock import patch

import matplotlib.pyplot as plt
import numpy as np
from problems import FLAT, FRESH, LINE, MIXED, SIZES, SOFTMAX, TASK, F, Row, head, linear, normal, silent

import hermite_eq as h
from hermite_eq import cli, plotting, simulate, theory, trained


def curve(**given: Any) -> simulate.SimulatedCurve:
    keywords: dict[str, Any] = {"samples": [10, 20], "runs": 2, "rng": 0}
    return simulate.icl_curve(linear, TASK, SIZES, **(keywords | given))


def listed(*points: h.Sizes) -> simulate.SimulatedCurve:
    simulated: simulate.SimulatedCurve = simulate.icl_curve(linear, TASK, points, runs=2, rng=0)
    return simulated


def predicted(ridge: float) -> Any:
    return theory.icl_curve(h.LinearTransformer(ridge), TASK, [h.Ratios(alpha=1, kappa=1, tau=1)])


def drawn(call: Callable[[], Any]) -> Callable[[], Any]:
    """The figure, closed again."""

    def closed() -> Any:
        figure = call()
        plt.close("all")
        return figure

    return closed


def command(*words: str) -> Callable[[], Any]:
    """One command of the command line, its refusal as it is raised."""

    def run() -> str:
        arguments = cli._parser().parse_args(cli._words(words))
        with redirect_stdout(io.StringIO()) as printed:
            arguments.run(arguments)
        return printed.getvalue()

    return run


def train(model: Any = trained.FullLinearAttention(), task: Any = LINE, epochs: Any = 0) -> trained.TrainedError:  # noqa: B008
    return trained.icl_error(model, task, SIZES, runs=1, epochs=epochs, rng=0, test=10)


def without_jax() -> Any:
    with patch("hermite_eq.trained.error.find_spec", return_value=None):
        return train()


TABLE: dict[str, Row] = {
    "no points": (lambda: curve(samples=[]), "pass samples=[100, 200]", lambda: curve(samples=[100, 200])),
    "repeated points": (lambda: curve(samples=[10, 10]), "drop the repeated values", lambda: curve(samples=[10])),
    "precision": (lambda: curve(precision="half"), 'pass precision="double"', lambda: curve(precision="double")),
    "a test context for each source": (
        lambda: simulate.icl_error(linear, MIXED, FRESH, runs=1, test=1), "pass test=2",
        lambda: simulate.icl_error(linear, MIXED, FRESH, runs=1, test=2),
    ),
    "no model": (
        lambda: simulate.icl_error([], TASK, SIZES, runs=1), "pass LinearTransformer(ridge=1e-3)",
        lambda: simulate.icl_error([h.LinearTransformer(ridge=1e-3)], TASK, SIZES, runs=1),
    ),
    "kind of model": (
        lambda: simulate.icl_error("relu", TASK, SIZES, runs=1), "pass RandomTransformer(activation, ridge=…)",  # type: ignore[arg-type]
        lambda: simulate.icl_error(h.RandomTransformer("relu", ridge=0.1, normalise=True), TASK, SIZES, runs=1),
    ),
    "hidden units, simulated": (
        lambda: simulate.icl_error(head, TASK, h.Sizes(4, 4, 3, 20), runs=1), "pass Sizes(…, hidden=…)",
        lambda: simulate.icl_error(normal, TASK, h.Sizes(4, 4, 3, 20, hidden=8), runs=1),
    ),
    "no task": (
        lambda: simulate.contexts("relu", SIZES, np.ones(4), 3), "pass hermite_eq.Task(target, noise=0.01)",  # type: ignore[arg-type]
        lambda: simulate.contexts(h.Task("relu", noise=0.01), SIZES, np.ones(4), 3),
    ),
    "length of ξ": (
        lambda: simulate.contexts(TASK, SIZES, np.ones(5), 3), "pass shape (4,)",
        lambda: simulate.contexts(TASK, SIZES, np.ones(4), 3),
    ),
    "vector of zeros": (
        lambda: simulate.contexts(TASK, SIZES, np.zeros(4), 3), "draw ξ from N(0, I_d)",
        lambda: simulate.contexts(TASK, SIZES, np.random.default_rng(0).standard_normal(4), 3),
    ),
    "numbers of runs": (
        lambda: simulate.icl_error(linear, TASK, SIZES, runs=range(-1, 2)), "runs=range(5, 10)",
        lambda: simulate.icl_error(linear, TASK, SIZES, runs=range(5, 10)),
    ),
    "other points": (lambda: curve().minus(curve(samples=[10, 30])), "icl_curve([a, b], …)", lambda: curve().minus(curve())),
    "other seeds": (lambda: curve().minus(curve(rng=1)), "pass the same integer as rng", lambda: curve(rng=1).minus(curve(rng=1))),
    "nothing to join": (lambda: simulate.join([]), "at least one run", lambda: simulate.join([curve(runs=1)])),
    "run twice": (lambda: simulate.join([curve(), curve()]), "drop the repeated curve", lambda: simulate.join([curve()])),
    "joined points": (
        lambda: simulate.join([curve(), curve(samples=[10])]), "same values",
        lambda: simulate.join([curve(), curve(runs=range(2, 4))]),
    ),
    "device": (lambda: curve(device="gpu"), 'device="cpu"', lambda: curve(device="cpu")),
    "memory": (lambda: curve(memory="3 apples"), 'pass memory="4GB"', lambda: curve(memory="4GB")),
    "no curve": (lambda: plotting.plot_curve([]), "at least one curve", drawn(lambda: plotting.plot_curve([curve()]))),
    "no such curve": (
        lambda: plotting.plot_curve([3]), "simulate.icl_curve",  # type: ignore[list-item]
        drawn(lambda: plotting.plot_curve([curve()])),
    ),
    "a table": (
        lambda: plotting.plot_phase([1, 2]), "plot_phase(x, y, values)",  # type: ignore[call-overload]
        drawn(lambda: plotting.plot_phase([1, 2], [1, 2], np.ones((2, 2)))),
    ),
    "limits": (
        lambda: plotting.plot_phase([1, 2], [1, 2], np.ones((2, 2)), limits=(2, 1)), "pass limits=(0.1, 10)",
        drawn(lambda: plotting.plot_phase([1, 2], [1, 2], np.ones((2, 2)), limits=(0.1, 10))),
    ),
    "shape of a table": (
        lambda: plotting.plot_phase([1, 2], [1, 2, 3], np.ones((2, 3))), "pass values[i, j] at (x[j], y[i])",
        drawn(lambda: plotting.plot_phase([1, 2], [1, 2, 3], np.ones((3, 2)))),
    ),
    "axes that fall": (
        lambda: plotting.plot_phase([2, 1], [1, 2], np.ones((2, 2))), "sort them",
        drawn(lambda: plotting.plot_phase([1, 2], [1, 2], np.ones((2, 2)))),
    ),
    "numbers in a list": (
        command("theory", "--target", "relu", "--tau", "a"), "pass 0.25,0.5,1.5",
        command("theory", "--target", "relu", "--tau", "0.25,0.5,1.5"),
    ),
    "degree of the command": (
        command("coefficients", "relu", "--degree", "200"), "pass --degree 170", command("coefficients", "relu", "--degree", "170"),
    ),
    "degree of the command, TeX": (
        command("coefficients", "relu", "--degree", "172"), "or --latex", command("coefficients", "relu", "--degree", "172", "--latex"),
    ),
    "runs of the command": (
        command("compare", "--target", "relu", "--activation", "relu", "--runs", "0"), "pass --runs 4",
        silent(command("compare", "--target", "relu", "--activation", "relu", "--runs", "4", "-d", "12", "--kappa", "inf")),
    ),
    "coupling of no head": (
        lambda: simulate.coupling(linear, TASK, SIZES), "pass RandomTransformer(activation, ridge=…)",  # type: ignore[arg-type]
        lambda: simulate.coupling(h.RandomTransformer("relu", ridge=0.1), TASK, SIZES, contexts=100, rng=0),
    ),
    "coupling of one unit": (
        lambda: simulate.coupling(head, TASK, h.Sizes(4, 4, 3, 20)), "pass Sizes(…, hidden=…)",
        lambda: simulate.coupling(head, TASK, h.Sizes(4, 4, 3, 20, hidden=12), contexts=100, rng=0),
    ),
    "step of no step": (
        lambda: simulate.gradient_step(head, TASK, SIZES, runs=1, rng=0), "pass OneStepTransformer(σ, η, λ)",  # type: ignore[arg-type]
        lambda: simulate.gradient_step(h.OneStepTransformer("tanh", 1.0, 0.1), TASK, SIZES, runs=1, rng=0),
    ),
    "dMMSE of two sources": (
        lambda: simulate.dmmse_error(MIXED, SIZES, runs=1), 'pass Task("identity", noise=0.01)',
        lambda: simulate.dmmse_error(h.Task("identity", noise=0.01), SIZES, runs=1, rng=0),
    ),
    "dMMSE beyond lines": (
        lambda: simulate.dmmse_error(TASK, SIZES, runs=1), 'pass Task("identity", noise=0.01)',
        lambda: simulate.dmmse_error(h.Task("identity", noise=0.01), SIZES, runs=1, rng=0),
    ),
    "dMMSE without a width": (
        lambda: simulate.dmmse_error(h.Task("identity", 0), SIZES, runs=1), 'pass Task("identity", noise=0.01)',
        lambda: simulate.dmmse_error(h.Task("identity", noise=0.01), SIZES, runs=1, rng=0),
    ),
    "dMMSE of fresh tasks": (
        lambda: simulate.dmmse_error(LINE, FRESH, runs=1), "pass a finite number of tasks",
        lambda: simulate.dmmse_error(LINE, SIZES, runs=1, rng=0),
    ),
    "shape of a first layer": (
        lambda: simulate.preactivations(TASK, SIZES, units=3, count=5, rng=0, F=F.T), "transpose or redraw F",
        lambda: simulate.preactivations(TASK, SIZES, units=3, count=5, rng=0, F=F.T.T),
    ),
    "curves of two models": (
        lambda: simulate.join([
            curve(samples=[10], runs=range(1)), simulate.icl_curve(normal, TASK, SIZES, samples=[10], runs=range(1, 2), rng=0)
        ]),
        "join each model by itself",
        lambda: simulate.join([simulate.icl_curve(linear, TASK, SIZES, samples=[10], runs=range(i, i + 1), rng=0) for i in range(2)]),
    ),
    "budget of memory": (
        lambda: simulate.icl_error(linear, TASK, h.Sizes(40, 40, 40, 4000), runs=1, memory="1kB"), "or more, or smaller sizes",
        lambda: simulate.icl_error(linear, TASK, h.Sizes(4, 4, 4, 20), runs=1, rng=0, memory="1MB"),
    ),
    # arguments
    "a negative seed": (lambda: curve(rng=-1), "pass rng=0", lambda: curve(rng=0)),
    "a seed that is no number": (
        lambda: simulate.preactivations(TASK, SIZES, units=3, count=5, rng="a"), "numpy.random.default_rng(0)",  # type: ignore[arg-type]
        lambda: simulate.preactivations(TASK, SIZES, units=3, count=5, rng=np.random.default_rng(0)),
    ),
    "a model among models": (
        lambda: simulate.icl_error([linear, "relu"], TASK, SIZES, runs=1), "pass RandomTransformer(activation, ridge=…)",  # type: ignore[list-item]
        lambda: simulate.icl_error([linear, h.RandomTransformer("relu", ridge=0.1, normalise=True)], TASK, SIZES, runs=1, rng=0),
    ),
    "hidden units of a curve": (
        lambda: simulate.coupling(head, TASK, h.Sizes(4, 4, 3, 20)), "or from_ratios(…, mu=…)",
        lambda: simulate.coupling(head, TASK, h.Sizes.from_ratios(4, alpha=1, kappa=1, tau=1, mu=1), contexts=100, rng=0),
    ),
    "queries of softmax attention": (
        lambda: simulate.icl_error(linear, SOFTMAX, h.Sizes(4, 4, 4, 16), runs=1, queries=2), "pass queries=1",
        lambda: simulate.icl_error(linear, SOFTMAX, h.Sizes(4, 4, 4, 16), runs=1, rng=0, test=20, queries=1),
    ),
    # laws
    "fourth moments": (
        lambda: simulate.icl_error(linear, h.Task("exp(x)", 0.1), SIZES, runs=1), "use a Lipschitz target",
        lambda: simulate.icl_error(linear, h.Task("relu", 0.1), SIZES, runs=1, rng=0),
    ),
    "labels of zeros": (
        lambda: simulate.icl_error(linear, h.Task("0*x", 0), SIZES, runs=1), "a target that is not zero",
        lambda: simulate.icl_error(linear, h.Task("x", 0), SIZES, runs=1, rng=0),
    ),
    "features beyond doubles": (
        lambda: simulate.icl_error(h.RandomTransformer(lambda x: 1e200 * np.tanh(x), 0.1), TASK, SIZES, runs=1),
        "use an activation and a target which are finite",
        silent(lambda: simulate.icl_error(h.RandomTransformer("tanh", 0.1), TASK, SIZES, runs=1, rng=0)),
    ),
    # plotting
    "curves of two d": (
        lambda: plotting.plot_curve(listed(SIZES, h.Sizes(6, 6, 3, 40, 12))), "one curve per d",
        drawn(lambda: plotting.plot_curve([curve(), curve()])),
    ),
    "two ratios that vary": (
        lambda: plotting.plot_curve(listed(SIZES, h.Sizes(4, 8, 3, 40, 12))), 'pass x="tau"',
        drawn(lambda: plotting.plot_curve(listed(SIZES, h.Sizes(4, 8, 3, 40, 12)), x="tau")),
    ),
    "an abscissa without values": (
        lambda: plotting.plot_curve(predicted(0.1), x="d"), "choose another x", drawn(lambda: plotting.plot_curve(predicted(0.1), x="tau")),
    ),
    "no finite error": (
        lambda: plotting.plot_curve(predicted(0), x="tau"), "draw another error",
        drawn(lambda: plotting.plot_curve(predicted(0.1), x="tau", error="idg")),
    ),
    "no mixture": (
        lambda: plotting.plot_mixing([]), "pass what mixing_curve returns",
        drawn(lambda: plotting.plot_mixing(theory.mixing_curve(linear, MIXED, FRESH))),
    ),
    "hidden units of a step": (
        lambda: simulate.gradient_step(h.OneStepTransformer("tanh", 1.0, 0.1), TASK, h.Sizes(4, 4, 3, 20), runs=1),
        "pass Sizes(…, hidden=…)",
        lambda: simulate.gradient_step(h.OneStepTransformer("tanh", 1.0, 0.1), TASK, h.Sizes(4, 4, 3, 20, hidden=12), runs=1, rng=0),
    ),
    "sizes of a simulation": (
        lambda: simulate.icl_error(linear, TASK, FLAT, runs=1), "pass Sizes.from_ratios(d, …)",  # type: ignore[call-overload]
        lambda: simulate.icl_error(linear, TASK, h.Sizes.from_ratios(4, alpha=1, kappa=1, tau=2), runs=1, rng=0),
    ),
    "axes of a figure": (
        lambda: plotting.plot_curve([curve()], axes=3), "or leave axes out",  # type: ignore[arg-type]
        drawn(lambda: (plotting.plot_curve([curve()], axes=plt.subplots()[1]), plotting.plot_curve([curve()]))),
    ),
    "task of dMMSE": (
        lambda: simulate.dmmse_error("identity", SIZES, runs=1), 'pass Task("identity", noise=0.01)',  # type: ignore[arg-type]
        lambda: simulate.dmmse_error(h.Task("identity", noise=0.01), SIZES, runs=1, rng=0),
    ),
    "difference of errors": (
        lambda: simulate.icl_error(linear, TASK, SIZES, runs=1, rng=0).minus(3), "pass what simulate.icl_error returns",  # type: ignore[arg-type]
        lambda: simulate.icl_error(linear, TASK, SIZES, runs=1, rng=0).minus(simulate.icl_error(linear, TASK, SIZES, runs=1, rng=0)),
    ),
    "difference of curves": (lambda: curve().minus(3), "pass what simulate.icl_curve returns", lambda: curve().minus(curve())),  # type: ignore[arg-type]
    "MLP": (lambda: trained.SoftmaxTransformer(1, "relu"), 'pass mlp="affine"', lambda: trained.SoftmaxTransformer(1, mlp="affine")),  # type: ignore[arg-type]
    "architecture": (lambda: train(linear), "pass SoftmaxTransformer(blocks=1)", lambda: train(trained.SoftmaxTransformer(blocks=1))),
    "task of an architecture": (
        lambda: train(task="identity"), 'pass Task("identity", noise=0.01)', lambda: train(task=h.Task("identity", noise=0.01)),
    ),
    "sources of an architecture": (
        lambda: train(task=MIXED), 'pass Task("identity", noise=0.01)', lambda: train(task=h.Task("identity", noise=0.01)),
    ),
    "epochs": (lambda: train(epochs=[1, 0]), "pass epochs=[0, 1000, 10000]", lambda: train(epochs=[0])),
    "no JAX": (without_jax, 'pip install "hermite-eq[trained]"', train),
    "what is joined": (lambda: simulate.join([3]), "pass what simulate.icl_curve returns", lambda: simulate.join([curve(runs=1)])),  # type: ignore[list-item]
}  # fmt: skip
