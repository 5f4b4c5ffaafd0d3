"""Words of the glossary and words that may not return: names that say what they hold, and prose in the field's terms."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Participles and pronouns that were names, where the thing itself has one.
NAMES = {"each", "found", "got", "helper", "helpers", "learnt", "moved", "one", "said", "seen", "stuff", "taken", "told", "utils"}
#: What stood in the prose, and what stands there now.
PROSE = {
    r"audible|said aloud": "a warning, a remark on validity",
    r"can(not)? tell": "resolved, inconclusive",
    r"front door": "entry point",
    r"sabotaged?": "negative control",
    r"at rest": "without a step",
    r"learnt share": "resolved share",
    r"(taken|moved) (coordinates|block)": "explained coordinates, a perturbed block",
}


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a clone: the files under version control are not known")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def bound(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The names that a module binds: variables, parameters, attributes, functions and classes, with their lines."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.alias(asname=str(name)):
                yield node.lineno, name


def unnamed(text: str) -> list[tuple[int, str]]:
    return [(line, name) for line, name in bound(ast.parse(text)) if name.strip("_") in NAMES]


def unspoken(text: str) -> list[tuple[int, str, str]]:
    return [
        (text.count("\n", 0, place.start()) + 1, place.group(), instead)
        for word, instead in PROSE.items()
        for place in re.finditer(rf"\b({word})\b", text, re.IGNORECASE)
    ]


def test_names_say_what_they_hold() -> None:
    files = tracked("*.py")
    assert len(files) > 400
    offending = [f"{path.relative_to(ROOT)}:{line}: {name}" for path in files for line, name in unnamed(path.read_text(encoding="utf-8"))]
    assert not offending


def test_prose_has_the_terms_of_the_field() -> None:
    own = Path(__file__)
    files = [path for path in tracked("*.py", "*.md", "*.rst", "*.toml", "*.js", "*.html", "Makefile") if path != own]
    offending = [
        f"{path.relative_to(ROOT)}:{line}: {word!r}, for which we say: {instead}"
        for path in files
        for line, word, instead in unspoken(path.read_text(encoding="utf-8"))
    ]
    assert not offending


@pytest.mark.parametrize(
    "text",
    ["found = 1", "def f(seen): pass", "for each in (): pass", "self.taken = 0", "import a as told", "class helper: pass", "_one = 1"],
)
def test_a_name_that_returns_is_noticed(text: str) -> None:
    assert len(unnamed(text)) == 1


@pytest.mark.parametrize("text", ["a\nCannot tell", "it is said aloud", "the front door", "control was sabotaged"])
def test_prose_that_returns_is_noticed(text: str) -> None:
    ((line, _, _),) = unspoken(text)
    assert line == 1 + text.count("\n")


def glossary() -> dict[str, str]:
    (block,) = re.findall(r"```\{glossary\}\n(.*?)```", (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"), re.DOTALL)
    return {term: " ".join(meaning.split()) for term, _, meaning in (entry.partition("\n") for entry in block.strip().split("\n\n"))}


def test_the_glossary_is_sorted_and_every_term_is_used_and_explained() -> None:
    terms = glossary()
    assert list(terms) == sorted(terms, key=str.casefold)
    assert all(meaning.endswith(".") for meaning in terms.values())
    prose = "\n".join(path.read_text(encoding="utf-8") for path in tracked("*.md", "*.py") if path.name != "glossary.md")
    assert [term for term in terms if term.casefold() not in prose.casefold()] == []


def test_the_code_in_the_glossary_exists() -> None:
    import hermite_eq

    parts = [hermite_eq, *(getattr(hermite_eq, part) for part in ("expansion", "models", "theory", "simulate", "testing"))]
    named = {name for meaning in glossary().values() for name in re.findall(r"`(?:theory\.|hermite_eq\.)?([A-Za-z_]+)[(`.]", meaning)}
    assert {"Sizes", "Task", "coefficients", "interpolation_peak"} <= named
    assert [name for name in sorted(named) if not any(hasattr(part, name) for part in parts)] == []
