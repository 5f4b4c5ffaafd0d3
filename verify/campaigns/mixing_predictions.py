"""The theory of a campaign of [DM]: computed by several processes, and kept beside the runs for as long as it is what would be computed.

A curve is kept under the SHA-256 of its setting, which is numbers and names, of the sources of everything that makes a prediction of it,
and of the versions of what these use. So a value that is found is the value of the present code; what is not found is computed.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

import hermite_eq
from verify.campaigns import mixing, mixing_theory
from verify.campaigns.checksum import parsed, sealed
from verify.campaigns.driver import Executor
from verify.campaigns.mixing import Mixing, MixingCampaign, MixingPanel
from verify.campaigns.mixing_curves import Key
from verify.campaigns.mixing_theory import MixingTheory, theory
from verify.report import finite, write_text
from verify.workers import workers

FILE = "theory.json"
#: Parts of the library which its theory cannot import (tests/test_import_order.py).
BESIDE = ("simulate", "testing", "plotting", "cli")
_LIBRARIES = ("numpy", "scipy", "sympy", "mpmath", "python-flint")


def code() -> str:
    """The SHA-256 of all that makes a prediction: texts of the sources, versions of the libraries.

    The texts are those on disk now, which need not be those this process has loaded.
    """
    root = Path(hermite_eq.__file__).parent
    files = [path for path in sorted(root.rglob("*.py")) if path.relative_to(root).with_suffix("").parts[0] not in BESIDE]
    files += [Path(str(module.__file__)) for module in (mixing, mixing_theory)]
    texts = [(path.name, path.read_text(encoding="utf-8")) for path in files]
    versions = {name: version(name) for name in _LIBRARIES} | {"python": platform.python_version()}
    return hashlib.sha256(json.dumps([texts, versions]).encode()).hexdigest()


@dataclass(frozen=True)
class _Question:
    """A curve of which the theory is asked."""

    panel: MixingPanel
    family: Mixing
    name: str
    d: int

    def identity(self, code: str) -> str:
        """The name under which the answer of that code is kept: of all the panel is but for its other families."""
        asked = replace(self.panel, families=()), self.family, self.name, self.d
        return hashlib.sha256(f"{code} {asked!r}".encode()).hexdigest()

    def answer(self) -> tuple[MixingTheory, str]:
        """The theory, and the code as it is on disk once that is known."""
        return theory(self.panel, self.family, self.name, self.d), code()


def predictions(
    campaign: MixingCampaign, d: int, folder: Path, console: Console | None = None, executor: Executor | None = None
) -> dict[Key, MixingTheory]:
    """The theory of all curves of a campaign at one d.

    Parameters
    ----------
    campaign : MixingCampaign
    d : int
    folder : Path
        Where it is kept, in :data:`FILE`; what is out of date there is dropped.
    console : rich.console.Console, optional
        Told what is computed.
    executor : Executor, optional
        By default one process for each core. They load the sources when they start: where these are the same before that and after a
        curve is computed, they are what computed it. Another executor computes by what its processes have loaded.
    """
    before = code()
    asked = {
        (index, number, name): _Question(panel, family, name, d)
        for index, panel in enumerate(campaign.panels)
        for number, (_, family) in enumerate(panel.families)
        for name in panel.series(panel.at(family, panel.values[0]), d)
    }
    names = {key: question.identity(before) for key, question in asked.items()}
    kept = {name: found for name, found in _read(folder / FILE).items() if name in names.values()}
    missing = {names[key]: question for key, question in asked.items() if names[key] not in kept}
    if missing and console is not None and not console.is_terminal:
        console.print(f"{campaign.name}: theory of {len(missing)} curves at d = {d}")
    answers = _answers(missing, f"{campaign.name}: theory at d = {d}", console, executor)
    for name, (found, after) in answers:
        kept[name] = found
        if after == before:
            _write(folder / FILE, kept)
    return {key: kept[name] for key, name in names.items()}


def _answers(
    missing: Mapping[str, _Question], title: str, console: Console | None, executor: Executor | None
) -> Iterator[tuple[str, tuple[MixingTheory, str]]]:
    """Answers in the order of the questions, with a bar on a terminal."""
    if executor is None and missing:
        with workers() as pool:
            yield from _answers(missing, title, console, pool)
    elif executor is not None:
        futures = {name: executor.submit(_Question.answer, question) for name, question in missing.items()}
        shown = console or Console(quiet=True)
        try:
            for name, future in track(futures.items(), title, console=shown, disable=not shown.is_terminal):
                yield name, future.result()
        finally:
            for future in futures.values():
                if hasattr(future, "cancel"):
                    future.cancel()


def _write(path: Path, kept: Mapping[str, MixingTheory]) -> None:
    rows = sealed({name: _row(found) for name, found in kept.items()})
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(row, ensure_ascii=False)}" for name, row in rows.items())
    write_text(path, f"{{\n{lines}\n}}\n")


def _row(found: MixingTheory) -> dict[str, Any]:
    row = {"icl": finite(found.icl), "by source": [finite(each) for each in found.by_source], "notes": found.notes}
    return row if found.at_rest is None else row | {"at rest": _row(found.at_rest)}


def _read(path: Path) -> dict[str, MixingTheory]:
    """What is kept; nothing where the file is damaged or was changed, for it can be computed again."""
    try:
        return {name: _theory(row) for name, row in parsed(path.read_bytes(), str(path), "delete it").items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _theory(row: Mapping[str, Any]) -> MixingTheory:
    notes = tuple(tuple(point) for point in row["notes"])
    other = _theory(row["at rest"]) if "at rest" in row else None
    return MixingTheory(np.array(row["icl"], float), np.array(row["by source"], float), notes, other)
