"""What verify reads from files: a first line, and a run as a file and a line, each with one value replaced and its checksum right."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from verify.campaigns.table import CAMPAIGNS
from verify.store.checksum import sealed
from verify.store.folders import headers
from verify.store.store import Setup, Store

STORED = Path(__file__).parents[2] / "results" / "campaigns" / "rt-fig1a"
CAMPAIGN = CAMPAIGNS["rt-fig1a"]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to every value; of a list the first entry stands for all."""
    yield path
    members = list(value.items()) if isinstance(value, dict) else list(enumerate(value[:1])) if isinstance(value, list) else []
    if members and path[-2:-1] == ("simulations",):
        # A run has a column for each of nine models, all alike.
        members = members[:2]
    for key, member in members:
        yield from places(member, (*path, key))


def replaced(contents: dict[str, Any], path: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value at that place."""
    if not path:
        return value
    changed = copy.deepcopy(contents)
    inner: Any = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return changed


def readers(root: Path) -> Iterator[tuple[str, Path, Callable[[], Any]]]:
    """Name, file and reader of each kind of stored file, of a copy of one campaign in ``root``."""
    source = min(STORED.glob("*.jsonl"))
    header, first, *_ = source.read_bytes().split(b"\n")
    parameters = json.loads(header)["parameters"]
    setup = Setup(CAMPAIGN, parameters["d"], parameters["seed"], parameters["memory"])
    store = Store(root, setup)
    assert store.file.name == source.name
    store.folder.mkdir(parents=True)
    files = {
        "first line": (store.file, header, lambda: (Store(root, setup), headers(root, CAMPAIGN))),
        "run": (store.folder / "run-0000.json", first, lambda: Store(root, setup).read()),
        "line": (store.file, first, lambda: Store(root, setup).read()),
    }
    for name, (path, text, read) in files.items():
        path.write_bytes(text)
        yield name, path, read
        path.unlink()


def variants(path: Path, values: list[Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """The place of a value, and the text of the file with another one there and the right checksum."""
    contents = json.loads(path.read_bytes())
    for place in places(contents):
        for value in values:
            changed = replaced(contents, place, value)
            yield tuple(map(str, place)), json.dumps(sealed(changed) if isinstance(changed, dict) else changed)
