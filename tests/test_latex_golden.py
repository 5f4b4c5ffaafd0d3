"""TeX of every kind of object, pinned by a file that was read once on the page; ``python -m tests.test_latex_golden`` renews it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hermite_eq import HypothesisError, RandomTransformer, Ratios, Task, coefficients, equivalent_model, equivalent_transformer
from hermite_eq.covariance import SymbolicTarget, covariance
from hermite_eq.latex import latex, side_by_side
from hermite_eq.models import Source, Spike

FILE = Path(__file__).with_name("latex_golden.tex")
#: What begins the TeX of an object; none has a line like it.
TITLE = "%%%% "
WHERE = Ratios(alpha=1, kappa=0.5, tau=1.5, mu=1)


def _relu(**conventions: bool) -> Task:
    return Task("relu", noise=0.01, **conventions)


GOLDEN: dict[str, Callable[[], str]] = {
    "expansion_relu": lambda: latex(coefficients("relu", 4)),
    "side_by_side": lambda: latex([coefficients(name, 6) for name in ("relu", "tanh", "gelu")]),
    "model_relu": lambda: latex(equivalent_model("relu", 2)),
    "theorem_relu_tanh": lambda: latex(equivalent_transformer(RandomTransformer("relu", 1e-8), Task("tanh", 0.01), WHERE)),
    "theorem_centred_relu": lambda: latex(equivalent_transformer(RandomTransformer("centred_relu", 1e-8), _relu())),
    "covariance_given": lambda: latex(covariance(_relu())),
    "covariance_given_unit": lambda: latex(covariance(_relu(unit_inputs=True))),
    "covariance_averaged": lambda: latex(covariance(_relu()).averaged()),
    "covariance_symbolic_noise": lambda: latex(covariance(_relu(), symbolic_noise=True).averaged()),
    "covariance_averaged_any_target": lambda: latex(covariance(SymbolicTarget()).averaged(1)),
    "covariance_over_tasks": lambda: latex(covariance(_relu()).over_tasks()),
    "covariance_limit": lambda: latex(covariance(_relu()).limit()),
    "source_given": lambda: latex(covariance(_relu(), covariances=True)),
    "source_given_centred_unit": lambda: latex(covariance(
        Task(sources=[Source("gelu", 0.01, task_cov=Spike(9.0))], unit_inputs=True, unit_link=True))),
    "source_averaged_any_target": lambda: latex(covariance(SymbolicTarget(), covariances=True).averaged(1)),
    "source_averaged_unit": lambda: latex(covariance(_relu(unit_inputs=True, unit_link=True), covariances=True).averaged(1)),
    "source_over_tasks": lambda: latex(covariance(Task("tanh", 0.01), covariances=True).over_tasks()),
    "source_limit_unit": lambda: latex(covariance(_relu(unit_inputs=True, unit_link=True), covariances=True).limit()),
    "norm_law": lambda: latex(covariance(_relu()).norm_law()),
    "norm_law_unit_any_target": lambda: latex(covariance(SymbolicTarget(), unit_inputs=True).norm_law()),
}


def reviewed() -> dict[str, str]:
    parts = FILE.read_text(encoding="utf-8").split(TITLE)[1:]
    return {name: tex.removesuffix("\n") for name, tex in (part.split("\n", 1) for part in parts)}


@pytest.mark.parametrize("name", GOLDEN)
def test_tex_is_what_was_reviewed(name: str) -> None:
    shown = GOLDEN[name]()
    assert shown == reviewed()[name]
    assert shown.isascii()


def test_all_that_was_reviewed_is_compared() -> None:
    assert set(reviewed()) == set(GOLDEN)


def test_columns_have_one_length() -> None:
    with pytest.raises(HypothesisError, match=r"columns of one length; found lengths \[2, 3\]"):
        side_by_side([("a", [0, 1]), ("b", [0, 1, 2])])


def test_a_caption_makes_it_a_table() -> None:
    shown = side_by_side([("leaky_relu", [0, 1])], caption="Coefficients", label="tab:c")
    assert r"leaky\_relu" in shown
    assert shown.endswith("\\end{tabular}\n\\caption{Coefficients}\n\\label{tab:c}\n\\end{table}")


def test_what_cannot_be_typeset() -> None:
    with pytest.raises(HypothesisError, match=r"has a \.latex\(\), or is a sequence of Hermite expansions; found int 3"):
        latex(3)


if __name__ == "__main__":
    FILE.write_text("".join(f"{TITLE}{golden}\n{write()}\n" for golden, write in GOLDEN.items()), encoding="utf-8")
