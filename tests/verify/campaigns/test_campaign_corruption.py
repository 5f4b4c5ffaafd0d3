"""Nothing wrong is accepted: whatever happens to a stored file is refused with its name and a repair that works, or changes nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaign_process import SMALL, InOrder, campaign, contents, nothing, store

from hermite_eq.errors import OutOfMemoryError, StorageError
from verify import __main__ as verify_main
from verify.campaigns.table import CAMPAIGNS
from verify.store import folders
from verify.store.checksum import checksum, sealed
from verify.store.driver import compute
from verify.store.folders import folder_of_campaigns
from verify.store.run import Origin

RUNS = 4


def computed(root: Path) -> None:
    """The runs and, where something is packed, all of them packed."""
    compute(store(root), range(RUNS), InOrder(), nothing)
    if len(store(root).file.read_bytes().splitlines()) > 1:
        store(root).pack()


@pytest.fixture(scope="module", params=["files", "packed"])
def original(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs as the workers leave them, and packed."""
    root = tmp_path_factory.mktemp("original")
    computed(root)
    if request.param == "packed":
        store(root).pack()
    return root


@pytest.fixture
def root(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / "campaigns")


def stored_at(root: Path, run: int) -> tuple[Path, int]:
    """The file in which a run stands, and the number of its line."""
    single = store(root).folder / f"run-{run:04d}.json"
    return (single, 0) if single.exists() else (store(root).file, 1 + run)


def changed(root: Path, run: int, change: Callable[[dict[str, Any]], object]) -> str:
    """Change what is said of a run, with its checksum right; returns the words for the place."""
    path, number = stored_at(root, run)
    lines = path.read_bytes().splitlines()
    contents = json.loads(lines[number])
    change(contents)
    lines[number] = json.dumps(sealed(contents)).encode()
    path.write_bytes(b"\n".join(lines) + b"\n")
    return f"line {number + 1} of {path}" if path.suffix == ".jsonl" else str(path)


def first_line(root: Path, change: Callable[[dict[str, Any]], object]) -> str:
    """The same for what was asked for."""
    path = store(root).file
    line, _, rest = path.read_bytes().partition(b"\n")
    contents = json.loads(line)
    change(contents)
    path.write_bytes(json.dumps(sealed(contents)).encode() + b"\n" + rest)
    return f"line 1 of {path}"


def everything(root: Path) -> tuple[list[object], list[Origin], int]:
    """All that is read of a campaign: its runs, their origins, and how many were asked for."""
    opened = store(root)
    (header,) = folders.headers(root, opened.setup.campaign)
    return [run.record for run in opened.read().values()], opened.origins(), header["runs"]


def repaired(root: Path, refusal: StorageError) -> None:
    """What the refusal says, done: the file or the line it names is deleted, and the command is repeated."""
    assert refusal.repair.startswith("delete ")
    assert "repeat the command" in refusal.repair
    while True:
        damaged = re.search(rf"(?:line ([0-9]+) of )?({re.escape(str(root))}/\S+?\.jsonl?)", str(refusal))
        assert damaged is not None
        number, name = damaged.groups()
        path = Path(name)
        if number is None:
            path.unlink()
        else:
            assert refusal.repair.startswith(f"delete line {number} of {path} ")
            path.write_bytes(b"\n".join(line for place, line in enumerate(path.read_bytes().split(b"\n"), 1) if place != int(number)))
        try:
            return computed(root)
        except StorageError as another:
            refusal = another


# Corruptions of a file, given a generator and the contents of another file of its kind.
Corruption = Callable[[np.random.Generator, bytes, bytes], bytes]


def flipped_bit(rng: np.random.Generator, text: bytes, other: bytes) -> bytes:
    place = int(rng.integers(len(text)))
    return text[:place] + bytes([text[place] ^ 1 << int(rng.integers(8))]) + text[place + 1 :]


def truncated(rng: np.random.Generator, text: bytes, other: bytes) -> bytes:
    return text[: int(rng.integers(len(text)))]


def zeroed(rng: np.random.Generator, text: bytes, other: bytes) -> bytes:
    place = int(rng.integers(len(text)))
    return text[:place] + bytes(min(512, len(text) - place)) + text[place + 512 :]


def replaced(rng: np.random.Generator, text: bytes, other: bytes) -> bytes:
    return other


def spliced(rng: np.random.Generator, text: bytes, other: bytes) -> bytes:
    place = int(rng.integers(min(len(text), len(other))))
    return text[:place] + other[place:]


def number_edited(change: Callable[[float], str]) -> Corruption:
    def edited(rng: np.random.Generator, text: bytes, other: bytes) -> bytes:
        numbers = list(re.finditer(rb"(?<=[ \[])[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?(?=[,\]}])", text))
        match = numbers[int(rng.integers(len(numbers)))]
        return text[: match.start()] + change(float(match[0])).encode() + text[match.end() :]

    return edited


CORRUPTIONS: dict[str, Corruption] = {
    "flipped bit": flipped_bit,
    "truncated": truncated,
    "zeroed block": zeroed,
    "other file in its place": replaced,
    "half of another file": spliced,
    "number changed by 1 %": number_edited(lambda x: repr(x * 1.01 + 1e-9)),
    "number negative": number_edited(lambda x: repr(-x - 1e-9)),
    "number NaN": number_edited(lambda x: "NaN"),
    "number infinite": number_edited(lambda x: "1e999"),
    "last digit": number_edited(lambda x: repr(float(np.nextafter(x, np.inf)))),
}


def test_a_changed_file_is_refused_and_repaired_or_harmless(
    original: Path, root: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    names = [str(path.relative_to(original)) for path in sorted(original.rglob("[!.]*.json*"))]
    assert len(names) in (RUNS + 1, 1)
    before, runs, foreign = everything(original), contents(original), store(tmp_path / "foreign", 9)
    compute(foreign, range(RUNS), InOrder(), nothing)
    if len(names) == 1:
        foreign.pack()
    rng = np.random.default_rng(5)
    refused = 0
    count = 30 if request.config.getoption("universality") == "default" else 360
    for number in range(count):
        kind, corrupt = list(CORRUPTIONS.items())[number % len(CORRUPTIONS)]
        name = names[int(rng.integers(len(names)))]
        path = root / name
        others = [
            foreign.file if path.suffix == ".jsonl" else foreign.folder / path.name,
            *(root / other for other in names if other != name and other.endswith(name[-5:])),
        ]
        text = path.read_bytes()
        path.write_bytes(corrupt(rng, text, others[int(rng.integers(len(others)))].read_bytes()))
        try:
            everything(root)
        except StorageError as error:
            refused += 1
            repaired(root, error)
        # Where lines end, a file that was cut lacks runs and says nothing wrong.
        computed(root)
        before_damage = everything(root)
        assert before_damage[0] == before[0], (kind, name)
        assert len(before_damage[1]) == RUNS
        assert before_damage[2] == RUNS
        if contents(root) != runs or path.read_bytes() != text:
            # A blank for a blank, or the time of another computation.
            shutil.copy(original / name, path)
            shutil.copytree(original, root, dirs_exist_ok=True)
    # Few flips of a bit leave what a file says: of white space, or of a digit which no double shows.
    assert refused >= 0.9 * count


@pytest.mark.parametrize("change", [
    lambda run: run["simulations"].pop(),
    lambda run: run["simulations"][0].popitem(),
    lambda run: next(iter(run["simulations"][0].values())).pop("idg"),
    lambda run: next(iter(run["simulations"][0].values())).update(notes=[]),
    lambda run: next(iter(run["simulations"][0].values()))["icl"].pop(),
    lambda run: next(iter(run["simulations"][0].values()))["icl"].__setitem__(0, -0.5),
    lambda run: next(iter(run["simulations"][0].values()))["icl"].__setitem__(0, None),
    lambda run: next(iter(run["simulations"][0].values()))["icl"].__setitem__(0, "0.5"),
    lambda run: next(iter(run["simulations"][0].values()))["fallback"].__setitem__(0, 0.0),
    lambda run: next(iter(run["simulations"][0].values())).update(icl=0.5),
    lambda run: run.update(simulations={}),
    lambda run: run.pop("simulations"),
    lambda run: run.update(run=True),
    lambda run: run.update(manifest="0" * 12),
    lambda run: run.pop("origin"),
    lambda run: run["origin"].update(seconds="1"),
    lambda run: run["origin"].update(scipy=None),
    lambda run: run["origin"].update(machine="x"),
    lambda run: run.update(origin=[]),
    lambda run: run.update(campaign=["rt-fig1a"]),
])  # fmt: skip
def test_another_schema_is_refused_whatever_its_checksum(root: Path, change: Callable[[dict[str, Any]], object]) -> None:
    before, place = everything(root)[0], changed(root, 1, change)
    with pytest.raises(StorageError, match=f"{re.escape(place)}.* Repair: delete ") as refusal:
        store(root).read()
    repaired(root, refusal.value)
    assert everything(root)[0] == before


@pytest.mark.parametrize("original", ["packed"], indirect=True)
def test_a_damaged_line_is_named(root: Path) -> None:
    path = store(root).file
    whole = path.read_bytes()
    head, first, second, *rest = whole.splitlines(keepends=True)
    again = "repeat the command: what is missing will be computed again"
    for text, message in {
        whole[:-100]: f"what is stored is a JSON object of finite numbers; found line {RUNS + 1} of {path} damaged. "
        f"Repair: delete line {RUNS + 1} of {path} and {again}",
        head + first + b"\n" + second: f"what is stored is a JSON object of finite numbers; found line 3 of {path} damaged. "
        f"Repair: delete line 3 of {path} and {again}",
        head + first + second + first: f"a run stands on one line; found run 0 in line 4 of {path} too. "
        f"Repair: delete line 4 of {path} and {again}",
    }.items():
        path.write_bytes(text)
        with pytest.raises(StorageError) as refusal:
            store(root).read()
        assert str(refusal.value) == message
        repaired(root, refusal.value)
        assert contents(root).keys() == {(store(root).setup.hash, run) for run in range(RUNS)}
    # In another order they say the same, and without an end of the last line too.
    path.write_bytes(b"".join([head, second, *rest, first])[:-1])
    assert store(root).runs() == list(range(RUNS))


@pytest.mark.parametrize("original", ["files"], indirect=True)
def test_what_cannot_be_packed_stays_where_it_is(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, folder = contents(root), store(root).folder
    path = folder / "run-0001.json"
    text = path.read_bytes()
    path.write_bytes(text[:-9])
    with pytest.raises(StorageError, match=re.escape(f"found {path} damaged. Repair: delete it and repeat the command")):
        store(root).pack()
    path.write_bytes(text)

    def refused(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refused)
    with pytest.raises(StorageError, match=r"results can be written; found No space left on device at .*\.jsonl\. Repair: make room"):
        store(root).pack()
    monkeypatch.undo()
    assert len(list(folder.glob("run-*.json"))) == RUNS
    assert not list(root.rglob(".*"))
    folder.parent.chmod(0o500)
    try:
        if not os.access(folder.parent, os.W_OK):
            with pytest.raises(StorageError, match="results can be written; found Permission denied"):
                store(root).pack()
        assert contents(root) == before
        assert everything(root)[2] == RUNS
    finally:
        folder.parent.chmod(0o700)
    store(root).pack()
    assert not list(folder.iterdir())
    assert contents(root) == before


@pytest.mark.parametrize("change", [
    {"runs": -1}, {"runs": "4"}, {"runs": None}, {"parameters": []}, {"parameters": {}}, {"hash": 7}, {"hash": "0" * 12},
])  # fmt: skip
def test_another_first_line_is_refused_whatever_its_checksum(root: Path, change: dict[str, object]) -> None:
    place = first_line(root, lambda header: header.update(change))
    with pytest.raises(StorageError, match=re.escape(place)) as refusal:
        store(root)
    repaired(root, refusal.value)
    assert everything(root)[2] == RUNS


def test_a_lost_first_line_is_written_again(root: Path) -> None:
    path = store(root).file
    path.write_bytes(path.read_bytes().partition(b"\n")[2])
    with pytest.warns(UserWarning, match=r"\.jsonl is ignored: no first line says of what it is; the command that computed its runs"):
        assert folders.headers(root, store(root).setup.campaign) == []
    campaign(root, RUNS)
    assert everything(root)[2] == RUNS


def test_a_run_is_not_written_with_errors_that_are_none(root: Path) -> None:
    opened, (record, origin) = store(root), store(root).read()[0]
    for wrong in (float("nan"), float("inf"), -1e-9):
        record[0][next(iter(record[0]))]["icl"][0] = wrong
        with pytest.raises(StorageError, match=r"errors and conditions are finite numbers, not negative; found icl = "):
            opened.write(RUNS, record, origin)
    assert opened.runs() == list(range(RUNS))


@pytest.mark.parametrize("name", ["run-abc.json", "run-1.json", "run-0001 (copy).json", "run-00001.json", "run-0009.txt", "run-٣.json"])
def test_stray_files_are_ignored_with_a_warning(root: Path, name: str) -> None:
    opened = store(root)
    shutil.copy(stored_at(root, 0)[0], opened.folder / name)
    with pytest.warns(UserWarning, match=f"{re.escape(name)} is ignored: its name is not that of a run"):
        assert opened.runs() == list(range(RUNS))


def test_stray_folders_are_ignored_with_a_warning(root: Path) -> None:
    opened = store(root)
    (opened.folder / "run-0009.json").mkdir()
    with pytest.warns(UserWarning, match=r"run-0009\.json is ignored"):
        assert opened.runs() == list(range(RUNS))
    (opened.folder / "run-0009.json").rmdir()
    shutil.copy(opened.file, opened.file.with_name(f"{opened.file.stem} (copy).jsonl"))
    with pytest.warns(UserWarning, match=r"\(copy\)\.jsonl is ignored: its name is not that of a campaign's results"):
        assert len(folders.headers(root, opened.setup.campaign)) == 1


def test_a_copy_under_the_name_of_another_setup_is_refused(root: Path) -> None:
    opened, other = store(root), store(root, 9)
    shutil.copytree(opened.folder, other.folder)
    shutil.copy(opened.file, other.file)
    with pytest.raises(StorageError, match=f"is of these runs; found that of {opened.setup.hash}") as refusal:
        store(root, 9)
    assert f"delete line 1 of {other.file} and repeat the command" in str(refusal.value)
    other.file.write_bytes(other.file.read_bytes().partition(b"\n")[2])
    with pytest.raises(StorageError, match=f"found run 0 of rt-fig1a, manifest {opened.setup.hash}"):
        store(root, 9).runs()


# What is refused before it starts.


def test_more_runs_than_memory_holds_are_refused_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CAMPAIGNS, "rt-fig1a", SMALL)
    with pytest.raises(OutOfMemoryError, match=r"the results of 1000000000 runs fit into memory; found .*Repair: pass --runs 20, say"):
        compute(store(tmp_path), range(10**9), InOrder(), nothing)
    assert verify_main.main(["run", "rt-fig1a", "--d", "8", "--runs", str(10**9), "--output", str(tmp_path)]) == 2
    assert "runs fit into memory" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    # Asked for by a file.
    campaign(folder_of_campaigns(tmp_path), 1)
    first_line(folder_of_campaigns(tmp_path), lambda header: header.update(runs=10**9))
    assert verify_main.main(["run", "rt-fig1a", "--resume", "--output", str(tmp_path)]) == 2
    assert "runs fit into memory" in capsys.readouterr().err


@pytest.mark.parametrize("header", [True, False], ids=["first line", "run"])
@pytest.mark.parametrize(("old", "new", "finding"), [
    (b'"sha256"', b'"sha2u6"', "none"), (b'"sha256": "', b'"sha256": "0', "another"), (b'"sha256": "', b'"sha256": [], "": "', "another"),
], ids=["name", "length", "type"])  # fmt: skip
def test_a_damaged_checksum_is_refused(root: Path, header: bool, old: bytes, new: bytes, finding: str) -> None:
    before, (path, number) = everything(root), (store(root).file, 0) if header else stored_at(root, 1)
    lines = path.read_bytes().split(b"\n")
    lines[number] = lines[number].replace(old, new)
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(StorageError, match=f"found {finding} in .*{re.escape(str(path))}.* Repair: delete ") as refusal:
        everything(root)
    repaired(root, refusal.value)
    assert everything(root)[0] == before[0]


# The command that packs.


def test_the_command_packs_every_campaign(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = folder_of_campaigns(tmp_path)
    opened, other = store(root), store(root, 9)
    for opened_store in (opened, other):
        compute(opened_store, range(2), InOrder(), nothing)
    before = contents(root)
    shutil.copytree(other.folder, other.folder.with_name("copy"))
    assert verify_main.main(["pack", "--output", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert all(f"{opened_store.folder}: 2 runs packed" in shown for opened_store in (opened, other))
    assert "copy" not in shown
    assert not list(opened.folder.iterdir())
    # One more: the lines that are there stay as they are, and a run that was computed again is there once.
    lines = opened.file.read_bytes()
    runs = opened.read()[1]
    for run in (1, 2):
        opened.write(run, runs.record, runs.origin)
    assert verify_main.main(["pack", "--output", str(tmp_path)]) == 0
    assert opened.file.read_bytes().startswith(lines)
    assert opened.runs() == [0, 1, 2]
    shutil.rmtree(other.folder.with_name("copy"))
    assert before.items() <= contents(root).items()
    assert verify_main.main(["pack", "--output", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("packed") == 1


def test_a_checksum_is_that_of_the_contents_in_whatever_form() -> None:
    run = {"campaign": "c", "run": 1, "simulations": [{"λ = 1e-08": {"icl": [0.1, 1e-300], "condition": [None, 384.0]}}]}
    line = json.dumps(sealed(run), ensure_ascii=False)
    assert checksum(json.loads(line)) == checksum(json.loads(json.dumps(run, indent=3, sort_keys=True))) == sealed(run)["sha256"]
    with pytest.raises(ValueError, match="JSON compliant"):
        checksum({"icl": float("nan")})
