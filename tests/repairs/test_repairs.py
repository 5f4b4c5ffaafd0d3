"""Every error names the hypothesis, the finding and a repair; and the repair, typed in, works."""

from __future__ import annotations

import ast
import builtins
import importlib
import math
import re
from functools import cache
from pathlib import Path

import assertions
import expansions
import formulas
import laws
import predictions
import pytest
import shifts
import simulations
from problems import Row

import hermite_eq as h
from hermite_eq import arguments
from hermite_eq.activations import activation
from hermite_eq.errors import HypothesisError

LIBRARY = Path(h.__file__).parent
TABLES = (formulas.TABLE, expansions.TABLE, laws.TABLE, predictions.TABLE, shifts.TABLE, simulations.TABLE, assertions.TABLE)
TABLE: dict[str, Row] = {name: row for table in TABLES for name, row in table.items()}
assert len(TABLE) == sum(map(len, TABLES))

NO_CALL = "an iteration that has always settled: no call is known that reaches it"
#: Statements that no row executes, by file and words of their source, and why.
UNREACHED: dict[tuple[str, str], str] = {
    ("activations/names/parse.py", "_too_deep(text) from None"): "brackets and powers that some versions of Python's parser give up on",
    ("expansion/certified/bounds.py", "an activation is finite"): "the panels around a pole are refused before a node is in it",
    ("expansion/certified/bounds.py", "an activation is real-valued"): "where a function turns complex it has no panels",
    ("simulate/arrays/devices.py", "the library of the device is installed"): "what is installed decides, tried in test_devices.py",
    ("simulate/arrays/devices.py", "the device is there"): "what the machine has decides, tried in test_devices.py",
    ("theory/feature_law/finite_size.py", "no agreement of weights"): NO_CALL,
    ("theory/feature_law/finite_size.py", "below the noise"): "what d and ℓ are too small for is refused before: no call is known",
    ("theory/neuron_types/features.py", "input covariances commute"): "more than 160 dimensions, and half a minute",
    ("theory/ridge_equivalent/matrices.py", "weights in the fit settle"): NO_CALL,
    ("theory/ridge_equivalent/scalar.py", "Newton's iteration"): NO_CALL,
    ("theory/ridge_equivalent/scalar.py", "has an upper bound"): NO_CALL,
    ("theory/roots.py", "a bracket of a root"): NO_CALL,
}


@cache
def refusal(name: str) -> tuple[HypothesisError, list[tuple[str, int]]]:
    """The error of a row, and the files and lines of the library through which it comes."""
    with pytest.raises(HypothesisError) as raised:
        TABLE[name][0]()
    frames = [(Path(str(frame.path)), frame.lineno + 1) for frame in raised.traceback]
    places = [(str(path.relative_to(LIBRARY)), line) for path, line in frames if LIBRARY in path.parents]
    return raised.value.with_traceback(None), places


@pytest.mark.parametrize("name", TABLE)
def test_the_repair_that_is_offered_works(name: str) -> None:
    _, words, repaired = TABLE[name]
    error, _ = refusal(name)
    assert words in error.repair
    assert re.fullmatch(r"(?s).+; found .+\. Repair: .+", str(error))
    assert min(map(len, (error.hypothesis, error.finding, error.repair))) > 0
    assert repaired() is not None


def refuses(statement: ast.Raise, names: dict[str, object]) -> bool:
    """Whether an own error is raised: all but the classes of other errors, which are caught inside or are no refusals."""
    kind = statement.exc.func if isinstance(statement.exc, ast.Call) else statement.exc
    value = names.get(kind.id, getattr(builtins, kind.id, None)) if isinstance(kind, ast.Name) else None
    return kind is not None and not (isinstance(value, type) and not issubclass(value, HypothesisError))


def reads(node: ast.AST) -> bool:
    """Whether an argument is read by a function of ``hermite_eq.arguments`` with words of the caller's on how it is repaired."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in vars(arguments)):
        return False
    return node.func.id == "instance" or any(word.arg == "repair" for word in node.keywords)


def offers() -> dict[tuple[str, int], tuple[int, str]]:
    """The lines of all statements that raise an own error or have an argument read: first line and source by file and line."""
    offered: dict[tuple[str, int], tuple[int, str]] = {}
    for path in sorted(LIBRARY.rglob("*.py")):
        name = str(path.relative_to(LIBRARY))
        module = importlib.import_module(".".join(["hermite_eq", *Path(name).with_suffix("").parts]).removesuffix(".__init__"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            raised = isinstance(node, ast.Raise) and refuses(node, vars(module))
            if isinstance(node, ast.Raise | ast.Call) and (raised or (name != "arguments.py" and reads(node))):
                lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
                offered |= {(name, line): (node.lineno, ast.unparse(node)) for line in lines}
    return offered


def test_every_repair_has_a_row_or_a_reason() -> None:
    statements = offers()
    reached = {(place[0], statements[place][0]) for name in TABLE for place in refusal(name)[1] if place in statements}
    missing = {(name, first): source for (name, _), (first, source) in statements.items() if (name, first) not in reached}
    listed = {key: [place for place, source in missing.items() if place[0] == key[0] and key[1] in source] for key in UNREACHED}
    assert {key: places for key, places in listed.items() if len(places) != 1} == {}
    assert missing.keys() - {places[0] for places in listed.values()} == set()


@pytest.mark.parametrize("text", ["relu(s*x)", "q*x + p", "x**k", "exp(-beta*x^2)"])
def test_the_names_in_the_repair_are_all_that_is_missing(text: str) -> None:
    with pytest.raises(HypothesisError) as raised:
        activation(text)
    match = re.search(r"parameters=\[(.*?)\]", raised.value.repair)
    assert match is not None
    names = re.findall(r"'(\w+)'", match[1])
    assert {str(symbol) for symbol in activation(text, parameters=names).parameters} == set(names)


@pytest.mark.parametrize("name", ["relo", "tnah", "sigmiod", "lekay_relu", "sofmax", "Swsih", "hartanh", "gleu", "stpe"])
def test_every_suggested_name_is_known(name: str) -> None:
    with pytest.raises(HypothesisError) as raised:
        activation(name)
    suggested = re.findall(r"'(\w+)'", raised.value.repair.partition("? Otherwise")[0]) if "did you mean" in raised.value.repair else []
    assert all(math.isfinite(float(activation(other)(0.5))) for other in suggested)
