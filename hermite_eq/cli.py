"""The command line: parse, call, print."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

import hermite_eq
from hermite_eq import simulate
from hermite_eq.activations import activation, registered_names
from hermite_eq.errors import HypothesisError


def _numbers(text: str) -> list[float]:
    try:
        return [float(item) for item in text.split(",")]
    except ValueError:
        raise HypothesisError("a list of numbers is separated by commas", repr(text), "pass 0.25,0.5,1.5, say") from None


def _print_json(data: Any) -> None:
    print(json.dumps(data, indent=2, ensure_ascii=False))


def _activations(arguments: argparse.Namespace) -> None:
    rows = []
    for name in registered_names():
        sigma = activation(name)
        expansion = hermite_eq.coefficients(sigma, 2)
        c = np.asarray(expansion)
        rows.append({
            "name": name, "expression": str(sigma.expression), "parity": sigma.parity, "kinks": [str(kink) for kink in sigma.kinks],
            "lipschitz": sigma.lipschitz, "strip": sigma.strip, "closed_form": sigma.closed_form, "c_0": c[0], "c_1": c[1],
            "c_1*": float(expansion.residual(1)), "c_2*": float(expansion.residual(2)),
        })
    if arguments.json:
        # JSON has no infinity; null stands for "none".
        _print_json([{key: None if value == math.inf else value for key, value in row.items()} for row in rows])
        return
    print(f"{'name':<15} {'c_0':>9} {'c_1':>9} {'c_1*':>9} {'c_2*':>9} {'Lipschitz':>9} {'closed form':<11} expression")
    for row in rows:
        # + 0.0: a zero is printed without a sign.
        numbers = " ".join(f"{round(row[key], 5) + 0.0:>9.5f}" for key in ("c_0", "c_1", "c_1*", "c_2*"))
        shown = row["expression"] if len(row["expression"]) <= 70 else row["expression"][:69] + "…"
        lipschitz = "unknown" if row["lipschitz"] is None else "none" if row["lipschitz"] == math.inf else f"{row['lipschitz']:.5g}"
        print(f"{row['name']:<15} {numbers} {lipschitz:>9} {'yes' if row['closed_form'] else 'no':<11} {shown}")


def _coefficients(arguments: argparse.Namespace) -> None:
    expansion = hermite_eq.coefficients(activation(arguments.sigma), arguments.degree)
    values = np.array([float(c) for c in expansion])
    if arguments.latex:
        print(expansion.latex(arguments.latex))
    elif arguments.json:
        _print_json({
            "activation": str(expansion.activation),
            "convention": "c_k = E[sigma(g) He_k(g)], probabilists' Hermite polynomials",
            "c": values.tolist(),
            "exact": None if expansion.exact is None else [str(c) for c in expansion.exact],
            "norm2": float(expansion.norm2),
            "residual": [float(expansion.residual(r)) for r in range(len(values))],
        })
    else:
        print(f"{expansion.activation}: c_k = E[σ(g) He_k(g)], c_r* = residual, E σ² = {float(expansion.norm2):.15g}")
        print(f"{'k':>3}  {'c_k':>22}  {'c_k/√k!':>22}  {'c_k*':>18}  exact")
        for k, c in enumerate(values):
            exact = "" if expansion.exact is None else str(expansion.exact[k])
            residual = float(expansion.residual(k))
            print(f"{k:>3}  {c:>22.15g}  {c / math.sqrt(math.factorial(k)):>22.15g}  {residual:>18.12g}  {exact}".rstrip())


def _model(arguments: argparse.Namespace) -> None:
    model = hermite_eq.equivalent_model(activation(arguments.sigma), arguments.degree)
    if arguments.latex:
        print(model.latex())
    else:
        for k, c in enumerate(model.c):
            print(f"c_{k} = {c}")
        print(f"c_{model.degree}* = {model.residual}")


def _model_of(arguments: argparse.Namespace) -> hermite_eq.LinearTransformer | hermite_eq.RandomTransformer:
    if arguments.activation is None:
        return hermite_eq.LinearTransformer(arguments.ridge, arguments.intercept)
    return hermite_eq.RandomTransformer(activation(arguments.activation), arguments.ridge, arguments.normalise)


def _theory(arguments: argparse.Namespace) -> None:
    task = hermite_eq.Task(activation(arguments.target), arguments.noise)
    model = _model_of(arguments)
    ratios = {"alpha": arguments.alpha, "kappa": arguments.kappa, "mu": arguments.mu}
    rows = []
    for tau in _numbers(arguments.tau):
        where = (hermite_eq.Ratios(tau=tau, **ratios) if arguments.d is None
                 else hermite_eq.Sizes.from_ratios(arguments.d, tau=tau, **ratios))
        error = hermite_eq.icl_error(model, task, where)
        rows.append({"tau": tau, "icl": error.icl, "idg": error.idg})
    if arguments.json:
        _print_json({"model": str(model), "task": str(task), "d": arguments.d, **ratios, "ridge": arguments.ridge, "curve": rows})
        return
    place = "d = ∞" if arguments.d is None else f"d = {arguments.d}"
    print(f"{model} head, {task}, {place}" if arguments.activation else f"{model}, {task}, {place}")
    print(f"{'τ = n/d²':>10}  {'ICL error':>12}  {'IDG error':>12}")
    for row in rows:
        print(f"{row['tau']:>10g}  {row['icl']:>12.6g}  {row['idg']:>12.6g}")


def _compare(arguments: argparse.Namespace) -> None:
    task = hermite_eq.Task(activation(arguments.target), arguments.noise)
    sizes = hermite_eq.Sizes.from_ratios(
        arguments.d, alpha=arguments.alpha, kappa=arguments.kappa, tau=float(arguments.tau), mu=arguments.mu
    )
    sigma = activation(arguments.activation)
    models: list[hermite_eq.LinearTransformer | hermite_eq.RandomTransformer] = [
        hermite_eq.RandomTransformer(head, arguments.ridge, arguments.normalise)
        for head in [sigma, *(hermite_eq.equivalent_model(sigma, r) for r in arguments.degrees)]
    ]
    models += [hermite_eq.LinearTransformer(arguments.ridge), hermite_eq.LinearTransformer(arguments.ridge, intercept=True)]
    simulated = simulate.icl_error(models, task, sizes, runs=arguments.runs, rng=arguments.seed)
    print(f"{task}, {sizes}, {arguments.runs} runs")
    print(f"{'model':<28}  {'ICL simulated':>20}  {'ICL theory':>11}  {'IDG simulated':>20}  {'IDG theory':>11}")
    for model, result in zip(models, simulated, strict=True):
        theory = hermite_eq.icl_error(model, task, sizes)
        icl, idg = (f"{value.mean:.4f} ± {value.stderr:.4f}" for value in (result.icl, result.idg))
        print(f"{model!s:<28}  {icl:>20}  {theory.icl:>11.4f}  {idg:>20}  {theory.idg:>11.4f}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hermite-eq", description="Hermite coefficients, equivalent models and in-context errors of random Transformers."
    )
    parser.add_argument("--version", action="version", version=f"hermite-eq {hermite_eq.__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    sigma = argparse.ArgumentParser(add_help=False)
    sigma.add_argument("sigma", help="a registered name (relu, tanh, …) or an expression in x, e.g. 'Max(x - 1/3, 0)'")

    setting = argparse.ArgumentParser(add_help=False)
    setting.add_argument("--target", required=True, help="σ*: a name or an expression in x")
    setting.add_argument("--noise", type=float, default=0.01, help="variance ρ of the label noise (default 0.01)")
    setting.add_argument("--alpha", type=float, default=1.0, help="ℓ/d (default 1)")
    setting.add_argument("--kappa", type=float, default=0.5, help="k/d, inf allowed (default 0.5)")
    setting.add_argument("--mu", type=float, default=1.0, help="m/d² (default 1)")
    setting.add_argument("--ridge", type=float, default=1e-8, help="λ, penalty λ n/d (default 1e-8)")
    setting.add_argument("--normalise", action="store_true", help="rescale every h to ‖h‖² = t before F")

    command = commands.add_parser("activations", help="the registered activations")
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=_activations)

    command = commands.add_parser("coefficients", parents=[sigma], help="Hermite coefficients c_k and residuals c_r*")
    command.add_argument("--degree", type=int, default=8)
    command.add_argument("--latex", nargs="?", const="sum", metavar="FORM", help="sum (default), align, table, or general (all k)")
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=_coefficients)

    command = commands.add_parser("model", parents=[sigma], help="the equivalent polynomial activation σ̂_r")
    command.add_argument("--degree", type=int, default=1)
    command.add_argument("--latex", action="store_true")
    command.set_defaults(run=_model)

    command = commands.add_parser("theory", parents=[setting], help="ICL and IDG error against τ = n/d², by theory")
    command.add_argument("--activation", help="the head's σ; without it the linear Transformer")
    command.add_argument("--intercept", action="store_true", help="linear Transformer with an intercept")
    command.add_argument("--tau", default="0.25,0.5,0.75,1.25,1.5,2,3", help="n/d², separated by commas")
    command.add_argument("-d", type=int, help="finite d (without it the limit)")
    command.add_argument("--json", action="store_true")
    command.set_defaults(run=_theory)

    command = commands.add_parser("compare", parents=[setting], help="simulate a head, its equivalents and linear attention")
    command.add_argument("--activation", required=True, help="the head's σ")
    command.add_argument("--degrees", type=int, nargs="*", default=[1, 2], help="degrees r of the equivalents (default 1 2)")
    command.add_argument("--tau", default="1.5", help="n/d² (default 1.5)")
    command.add_argument("-d", type=int, default=40)
    command.add_argument("--runs", type=int, default=4)
    command.add_argument("--seed", type=int, default=0)
    command.set_defaults(run=_compare)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; a violated hypothesis is printed and gives exit status 2."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.run(arguments)
    except HypothesisError as error:
        print(f"hermite-eq: {error}", file=sys.stderr)
        return 2
    return 0
