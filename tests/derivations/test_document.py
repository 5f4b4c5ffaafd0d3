"""The document of the derivations: complete, in plain TeX, and compiled where there is a compiler."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from derivations import Result
from derivations.__main__ import checked, main, modules
from derivations.document import document, reach_tex, write


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return [checked(module) for module in modules()]


@pytest.fixture(scope="module")
def text(results: list[Result]) -> str:
    return document(results)


def test_every_derivation_holds_and_is_in_the_document(results: list[Result], text: str) -> None:
    failed = [result for result in results if not result.holds]
    assert not failed, [(result.name, [step.reason for step in result.steps if not step.holds] or result.failure) for result in failed]
    assert text.isascii()
    for result in results:
        assert rf"\subsection{{{result.module.TITLE}}}" in text
        assert result.steps
        assert result.module.STATEMENT
        assert result.module.ASSUMPTIONS
        for step in result.steps:
            assert step.tex, step.reason
            assert step.tex in text
            assert reach_tex(step.reach) in text
    assert text == document(results)


def test_environments_and_braces_close(text: str) -> None:
    opened = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+\*?)\}", text):
        if kind == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert opened == []
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")


def test_an_unknown_sign_is_an_error() -> None:
    with pytest.raises(ValueError, match="no TeX for"):
        reach_tex("all ℵ")


def test_the_command_writes_it(tmp_path: Path) -> None:
    assert main(["mehler", "--tex", str(tmp_path / "paper")]) == 0
    assert r"\end{document}" in (tmp_path / "paper" / "derivations.tex").read_text(encoding="utf-8")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex")
def test_it_compiles_without_a_visible_flaw(results: list[Result], tmp_path: Path) -> None:
    path = write(tmp_path, results)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", path.name]
    for _ in range(2):
        log = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
        assert log.returncode == 0, log.stdout[-2000:]
    assert (tmp_path / "derivations.pdf").exists()
    assert not re.search(r"Overfull|undefined|multiply defined", log.stdout), log.stdout
