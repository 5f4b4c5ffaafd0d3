"""The command line: parse, call, print.

Results go to standard output; notes and errors go to standard error, one line each. Exit status: 0 done; 1 a hypothesis is violated;
2 wrong usage; 130 interrupted (what is finished was printed); 141 the reader of the output closed it.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import re
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

import hermite_eq
from hermite_eq import simulate
from hermite_eq.activations import activation, registered_names
from hermite_eq.errors import HypothesisError, HypothesisWarning

_EPILOG = (
    "exit status: 0 done; 1 a hypothesis is violated; 2 wrong usage; 130 interrupted (what is finished was printed); "
    "141 the output was closed. Numbers of --json and --csv have all their digits; infinity is inf."
)
_INTERRUPTED = 130
_CLOSED = 141
_LARGEST_DEGREE = 170

Row = dict[str, Any]


def _numbers(text: str) -> list[float]:
    try:
        return [float(item) for item in text.split(",")]
    except ValueError:
        raise HypothesisError("a list of numbers is separated by commas", repr(text), "pass 0.25,0.5,1.5, say") from None


def _valid(value: Any) -> Any:
    """JSON has no infinity and no NaN."""
    if isinstance(value, dict):
        return {key: _valid(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_valid(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _printed(arguments: argparse.Namespace, data: Any, rows: Sequence[Row]) -> bool:
    """Print ``data`` as JSON, or ``rows`` as CSV, if that was asked for."""
    if arguments.json:
        print(json.dumps(_valid(data), indent=2, ensure_ascii=False))
    elif arguments.csv:
        writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return bool(arguments.json or arguments.csv)


def _activations(arguments: argparse.Namespace) -> None:
    rows = []
    for name in registered_names():
        sigma = activation(name)
        expansion = hermite_eq.coefficients(sigma, 2)
        c = np.asarray(expansion)
        rows.append(
            {
                "name": name,
                "expression": str(sigma.expression),
                "parity": sigma.parity,
                "kinks": [str(kink) for kink in sigma.kinks],
                "lipschitz": sigma.lipschitz,
                "strip": sigma.strip,
                "closed_form": sigma.closed_form,
                "c_0": c[0],
                "c_1": c[1],
                "c_1*": float(expansion.residual(1)),
                "c_2*": float(expansion.residual(2)),
            }
        )
    # A slope or strip that is infinite is none: null.
    if _printed(arguments, [{key: None if value == math.inf else value for key, value in row.items()} for row in rows], rows):
        return
    print(f"{'name':<15} {'c_0':>9} {'c_1':>9} {'c_1*':>9} {'c_2*':>9} {'Lipschitz':>9} {'closed form':<11} expression")
    for row in rows:
        # + 0.0: a zero is printed without a sign.
        numbers = " ".join(f"{round(row[key], 5) + 0.0:>9.5f}" for key in ("c_0", "c_1", "c_1*", "c_2*"))
        shown = row["expression"] if len(row["expression"]) <= 70 else row["expression"][:69] + "…"
        lipschitz = "unknown" if row["lipschitz"] is None else "none" if row["lipschitz"] == math.inf else f"{row['lipschitz']:.5g}"
        print(f"{row['name']:<15} {numbers} {lipschitz:>9} {'yes' if row['closed_form'] else 'no':<11} {shown}")


def _coefficients(arguments: argparse.Namespace) -> None:
    expansion = hermite_eq.coefficients(arguments.sigma, arguments.degree, parameters=arguments.parameters, variance=arguments.variance)
    if arguments.latex:
        print(expansion.latex(arguments.latex))
        return
    exact = [None] * len(expansion) if expansion.exact is None else [str(c) for c in expansion.exact]
    if expansion.activation.parameters:
        rows: list[Row] = [{"k": k, "exact": c} for k, c in enumerate(exact)]
        if not _printed(arguments, {"activation": str(expansion.activation), "exact": exact}, rows):
            print("\n".join(f"c_{k} = {c}" for k, c in enumerate(exact)))
        return
    if arguments.degree > _LARGEST_DEGREE:
        raise HypothesisError(
            "k! is not beyond double precision", f"--degree {arguments.degree}", f"pass --degree {_LARGEST_DEGREE}, or --latex"
        )
    values = [float(c) for c in expansion]
    residuals = [float(expansion.residual(r)) for r in range(len(values))]
    # A closed form is rounded once.
    errors = expansion.errors.tolist() if expansion.exact is None else [math.ulp(c) / 2 for c in values]
    data = {
        "activation": str(expansion.activation),
        "convention": "c_k = E[sigma(g) He_k(g)], probabilists' Hermite polynomials",
        "c": values,
        "errors": errors,
        "exact": None if expansion.exact is None else exact,
        "norm2": float(expansion.norm2),
        "residual": residuals,
    }
    columns = zip(values, errors, exact, residuals, strict=True)
    rows = [{"k": k, "c": c, "error": error, "exact": form, "residual": residual} for k, (c, error, form, residual) in enumerate(columns)]
    if _printed(arguments, data, rows):
        return
    print(f"{expansion.activation}: c_k = E[σ(g) He_k(g)], c_r* = residual, E σ² = {float(expansion.norm2):.15g}")
    print(f"{'k':>3}  {'c_k':>22}  {'c_k/√k!':>22}  {'c_k*':>18}  exact")
    for k, c in enumerate(values):
        orthonormal = c / math.sqrt(math.factorial(k))
        print(f"{k:>3}  {c:>22.15g}  {orthonormal:>22.15g}  {residuals[k]:>18.12g}  {exact[k] or ''}".rstrip())


def _model(arguments: argparse.Namespace) -> None:
    model = hermite_eq.equivalent_model(arguments.sigma, arguments.degree, parameters=arguments.parameters, variance=arguments.variance)
    if arguments.latex:
        print(model.latex())
        return
    numeric = not any(getattr(c, "free_symbols", ()) for c in (*model.c, model.residual))
    named = [*((f"c_{k}", c) for k, c in enumerate(model.c)), (f"c_{model.degree}*", model.residual)]
    rows: list[Row] = [{"name": name, "value": float(c) if numeric else None, "expression": str(c)} for name, c in named]
    if not _printed(arguments, {"activation": model.name, "degree": model.degree, "terms": rows}, rows):
        print("\n".join(f"{name} = {c}" for name, c in named))


def _model_of(arguments: argparse.Namespace) -> hermite_eq.LinearTransformer | hermite_eq.RandomTransformer:
    if arguments.activation is None:
        return hermite_eq.LinearTransformer(arguments.ridge, arguments.intercept)
    return hermite_eq.RandomTransformer(activation(arguments.activation), arguments.ridge, arguments.normalise)


def _theory(arguments: argparse.Namespace) -> None:
    task = hermite_eq.Task(activation(arguments.target), arguments.noise)
    model = _model_of(arguments)
    ratios = {"alpha": arguments.alpha, "kappa": arguments.kappa, "mu": arguments.mu}
    rows: list[Row] = []
    notes: list[str] = []
    for tau in _numbers(arguments.tau):
        where = (
            hermite_eq.Ratios(tau=tau, **ratios) if arguments.d is None else hermite_eq.Sizes.from_ratios(arguments.d, tau=tau, **ratios)
        )
        error = hermite_eq.icl_error(model, task, where)
        rows.append({"tau": tau, "icl": error.icl, "idg": error.idg})
        notes += [note for note in error.notes if note not in notes]
    for note in notes:
        print(f"hermite-eq: note: {note}", file=sys.stderr)
    data = {"model": str(model), "task": str(task), "d": arguments.d, **ratios, "ridge": arguments.ridge, "notes": notes, "curve": rows}
    if _printed(arguments, data, rows):
        return
    place = "d = ∞" if arguments.d is None else f"d = {arguments.d}"
    print(f"{model} head, {task}, {place}" if arguments.activation else f"{model}, {task}, {place}")
    print(f"{'τ = n/d²':>10}  {'ICL error':>12}  {'IDG error':>12}")
    for row in rows:
        print(f"{row['tau']:>10g}  {row['icl']:>12.6g}  {row['idg']:>12.6g}")


def _compare(arguments: argparse.Namespace) -> None:
    task = hermite_eq.Task(activation(arguments.target), arguments.noise)
    sizes = hermite_eq.Sizes.from_ratios(arguments.d, alpha=arguments.alpha, kappa=arguments.kappa, tau=arguments.tau, mu=arguments.mu)
    sigma = activation(arguments.activation)
    models: list[hermite_eq.LinearTransformer | hermite_eq.RandomTransformer] = [
        hermite_eq.RandomTransformer(head, arguments.ridge, arguments.normalise)
        for head in [sigma, *(hermite_eq.equivalent_model(sigma, r) for r in arguments.degrees)]
    ]
    models += [hermite_eq.LinearTransformer(arguments.ridge), hermite_eq.LinearTransformer(arguments.ridge, intercept=True)]
    if arguments.runs < 1:
        raise HypothesisError("there is at least one run", f"--runs {arguments.runs}", "pass --runs 4, say")
    try:
        errors = simulate.icl_error(models, task, sizes, runs=arguments.runs, rng=arguments.seed, device=arguments.device)
    except simulate.Interrupted as interrupted:
        errors = tuple(curve[0] for curve in interrupted.finished)
    finished = errors[0].icl.runs
    rows: list[Row] = []
    for model, error in zip(models, errors, strict=True):
        theory = hermite_eq.icl_error(model, task, sizes)
        rows.append({
            "model": str(model), "icl_simulated": error.icl.mean, "icl_stderr": error.icl.stderr, "icl_theory": theory.icl,
            "idg_simulated": error.idg.mean, "idg_stderr": error.idg.stderr, "idg_theory": theory.idg,
        })  # fmt: skip
    data = {"task": str(task), "sizes": str(sizes), "runs": finished, "seed": arguments.seed, "models": rows}
    if not _printed(arguments, data, rows):
        print(f"{task}, {sizes}, {finished} runs")
        print(f"{'model':<28}  {'ICL simulated':>20}  {'ICL theory':>11}  {'IDG simulated':>20}  {'IDG theory':>11}")
        for row in rows:
            shown = [f"{row[f'{name}_simulated']:.4f} ± {row[f'{name}_stderr']:.4f}" for name in ("icl", "idg")]
            print(f"{row['model']:<28}  {shown[0]:>20}  {row['icl_theory']:>11.4f}  {shown[1]:>20}  {row['idg_theory']:>11.4f}")
    if finished < arguments.runs:
        raise KeyboardInterrupt(f"after {finished} of {arguments.runs} runs, whose means are printed")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hermite-eq",
        description="Hermite coefficients, equivalent models and in-context errors of random Transformers.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"hermite-eq {hermite_eq.__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")

    table = argparse.ArgumentParser(add_help=False)
    form = table.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--csv", action="store_true", help="print comma-separated values, the names of the columns first")

    sigma = argparse.ArgumentParser(add_help=False)
    sigma.add_argument("sigma", help="a registered name (relu, tanh, …) or an expression in x, e.g. 'Max(x - 1/3, 0)'")
    sigma.add_argument("--parameters", nargs="*", default=[], metavar="NAME", help="names in the expression that stay symbolic")
    sigma.add_argument("--variance", type=float, default=1.0, help="of the pre-activations (default 1)")

    setting = argparse.ArgumentParser(add_help=False)
    setting.add_argument("--target", required=True, help="σ*: a name or an expression in x")
    setting.add_argument("--noise", type=float, default=0.01, help="variance ρ of the label noise (default 0.01)")
    setting.add_argument("--alpha", type=float, default=1.0, help="ℓ/d (default 1)")
    setting.add_argument("--kappa", type=float, default=0.5, help="k/d, inf allowed (default 0.5)")
    setting.add_argument("--mu", type=float, default=1.0, help="m/d² (default 1)")
    setting.add_argument("--ridge", type=float, default=1e-8, help="λ, penalty λ n/d (default 1e-8)")
    setting.add_argument("--normalise", action="store_true", help="rescale every h to ‖h‖² = t before F")

    def add(name: str, run: Any, text: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        command = commands.add_parser(name, parents=[*parents, table], help=text, description=f"Print {text}.", epilog=_EPILOG)
        command.set_defaults(run=run)
        return command

    add("activations", _activations, "the registered activations, with their first coefficients and residuals")

    command = add("coefficients", _coefficients, "Hermite coefficients c_k and residuals c_r*", sigma)
    command.add_argument("--degree", type=int, default=8, help="the largest k (default 8)")
    command.add_argument("--latex", nargs="?", const="sum", metavar="FORM", help="sum (default), align, table, or general (all k)")

    command = add("model", _model, "the equivalent polynomial activation σ̂_r", sigma)
    command.add_argument("--degree", type=int, default=1, help="r (default 1)")
    command.add_argument("--latex", action="store_true", help="print TeX")

    command = add("theory", _theory, "ICL and IDG error against τ = n/d², by theory", setting)
    command.add_argument("--activation", help="the head's σ; without it the linear Transformer")
    command.add_argument("--intercept", action="store_true", help="linear Transformer with an intercept")
    command.add_argument("--tau", default="0.25,0.5,0.75,1.25,1.5,2,3", help="n/d², separated by commas")
    command.add_argument("-d", type=int, help="finite d (without it the limit)")

    command = add("compare", _compare, "simulated errors of a head, its equivalents and linear attention, beside theory", setting)
    command.add_argument("--activation", required=True, help="the head's σ")
    command.add_argument("--degrees", type=int, nargs="*", default=[1, 2], help="degrees r of the equivalents (default 1 2)")
    command.add_argument("--tau", type=float, default=1.5, help="n/d² (default 1.5)")
    command.add_argument("-d", type=int, default=40, help="dimension (default 40)")
    command.add_argument("--runs", type=int, default=4, help="independent runs (default 4); Ctrl-C prints the finished ones")
    command.add_argument("--seed", type=int, default=0, help="of the random numbers (default 0)")
    command.add_argument("--device", default="cpu", help="where features and systems are computed: cpu (default), torch, torch:cuda, cupy")
    return parser


# What begins with a minus and is none of these is an expression.
_OPTION = re.compile(r"--([a-z]+(=.*)?)?|-h|-d(=?\d+)?", re.DOTALL)


def _words(argv: Sequence[str]) -> list[str]:
    """argparse takes a word with a space in it for a value, whatever its first sign."""
    return [f" {word}" if word.startswith("-") and not _OPTION.fullmatch(word) else word for word in argv]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status, as listed at the head of this module."""
    arguments = _parser().parse_args(_words(sys.argv[1:] if argv is None else argv))
    with warnings.catch_warnings():
        warnings.simplefilter("always", HypothesisWarning)
        warnings.showwarning = lambda message, *_: print(f"hermite-eq: note: {message}", file=sys.stderr)
        try:
            arguments.run(arguments)
            sys.stdout.flush()
        except HypothesisError as error:
            print(f"hermite-eq: {' '.join(str(error).split())}", file=sys.stderr)
            return 1
        except KeyboardInterrupt as interrupt:
            print(f"hermite-eq: interrupted {interrupt}".rstrip(), file=sys.stderr)
            return _INTERRUPTED
        except BrokenPipeError:
            # The interpreter flushes standard output once more when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return _CLOSED
    return 0
