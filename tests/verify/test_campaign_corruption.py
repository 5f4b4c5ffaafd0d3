"""Nothing wrong is accepted: whatever happens to a stored file is refused with its name and a repair that works, or changes nothing."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from campaign_process import InOrder, campaign, contents, nothing, store

from hermite_eq.errors import OutOfMemoryError, StorageError
from verify import __main__ as verify_main
from verify.store import folders
from verify.store.checksum import checksum, sealed
from verify.store.driver import compute
from verify.store.folders import folder_of_campaigns

RUNS = 4


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("original")
    campaign(root, RUNS)
    return root


@pytest.fixture
def root(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / "campaigns")


def everything(root: Path) -> tuple[list[object], list[object], int]:
    """All that is read of a campaign: its runs, their origins, and how many were asked for."""
    opened = store(root)
    (manifest,) = folders.manifests(root, opened.setup.campaign)
    return [opened.read(run) for run in opened.runs()], list(opened.origins()), manifest["runs"]


def repaired(root: Path, refusal: StorageError) -> None:
    """What the refusal says, done: the files it names are deleted, and the command is repeated."""
    assert refusal.repair.startswith("delete ")
    assert "repeat the command" in refusal.repair
    named = re.findall(rf"{re.escape(str(root))}/\S+?(?:\.json|\.origin)", str(refusal))
    assert named
    for path in named:
        Path(path).unlink(missing_ok=True)
        if path.endswith(".json") and ".origin" in refusal.repair:
            Path(path).with_suffix(".origin").unlink(missing_ok=True)
    campaign(root, RUNS)


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


def test_whatever_happens_to_a_file_is_refused_and_repaired_or_changes_nothing(
    original: Path, root: Path, request: pytest.FixtureRequest
) -> None:
    names = [str(path.relative_to(original)) for path in sorted(original.glob("*/*/*")) if not path.name.startswith(".")]
    assert len(names) == 2 * RUNS + 1
    before, runs = everything(original), contents(original)
    rng = np.random.default_rng(5)
    refused = 0
    count = 90 if request.config.getoption("universality") == "default" else 720
    for number in range(count):
        kind, corrupt = list(CORRUPTIONS.items())[number % len(CORRUPTIONS)]
        name = names[int(rng.integers(len(names)))]
        others = [other for other in names if other != name and other.endswith(name[-5:])]
        path = root / name
        text = path.read_bytes()
        path.write_bytes(corrupt(rng, text, (root / others[int(rng.integers(len(others)))]).read_bytes()))
        for _ in range(2):
            try:
                found = everything(root)
            except StorageError as error:
                refused += 1
                repaired(root, error)
            else:
                break
        assert everything(root)[0] == before[0], (kind, name)
        assert len(found[1]) == RUNS
        assert found[2] == RUNS
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
    lambda run: run.update(run=3),
    lambda run: run.update(campaign=["rt-fig1a"]),
])  # fmt: skip
def test_another_schema_is_refused_whatever_its_checksum(root: Path, change: Callable[[dict], object]) -> None:
    path = store(root).folder / "run-0001.json"
    run = json.loads(path.read_text(encoding="utf-8"))
    change(run)
    path.write_text(json.dumps(sealed(run)), encoding="utf-8")
    with pytest.raises(StorageError, match=re.escape(str(path))) as refusal:
        store(root).read(1)
    repaired(root, refusal.value)
    assert store(root).read(1) == json.loads(path.read_text(encoding="utf-8"))["simulations"]


@pytest.mark.parametrize("change", [
    {"runs": -1}, {"runs": "4"}, {"runs": None}, {"parameters": []}, {"parameters": {}}, {"hash": 7}, {"hash": "0" * 12},
])  # fmt: skip
def test_another_manifest_is_refused_whatever_its_checksum(root: Path, change: dict[str, object]) -> None:
    path = store(root).folder / "manifest.json"
    path.write_text(json.dumps(sealed(json.loads(path.read_text(encoding="utf-8")) | change)), encoding="utf-8")
    with pytest.raises(StorageError, match=re.escape(str(path))) as refusal:
        store(root)
    repaired(root, refusal.value)
    assert everything(root)[2] == RUNS


@pytest.mark.parametrize("change", [
    {"seconds": "1"}, {"scipy": None}, {"machine": "x"}, {"run": 2},
])  # fmt: skip
def test_another_origin_is_refused_whatever_its_checksum(root: Path, change: dict[str, object]) -> None:
    path = store(root).folder / "run-0001.origin"
    path.write_text(json.dumps(sealed(json.loads(path.read_text(encoding="utf-8")) | change)), encoding="utf-8")
    with pytest.raises(StorageError, match=re.escape(str(path))) as refusal:
        store(root).origins()
    repaired(root, refusal.value)
    assert len(store(root).origins()) == RUNS


def test_a_run_without_its_origin_is_refused_and_repaired(root: Path) -> None:
    path = store(root).folder / "run-0002.origin"
    path.unlink()
    with pytest.raises(StorageError, match=r"what is stored can be read; found No such file or directory at .*run-0002\.origin") as refusal:
        store(root).origins()
    repaired(root, refusal.value)
    assert len(store(root).origins()) == RUNS


def test_a_lost_manifest_is_written_again(root: Path) -> None:
    folder = store(root).folder
    (folder / "manifest.json").unlink()
    with pytest.warns(UserWarning, match=r"is ignored: it has no manifest\.json; the command that computed its runs writes it again"):
        assert folders.manifests(root, store(root).setup.campaign) == []
    campaign(root, RUNS)
    assert everything(root)[2] == RUNS


def test_a_run_is_not_written_with_errors_that_are_none(root: Path) -> None:
    opened, record = store(root), store(root).read(0)
    for wrong in (float("nan"), float("inf"), -1e-9):
        record[0][next(iter(record[0]))]["icl"][0] = wrong
        with pytest.raises(StorageError, match=r"errors and conditions are finite numbers, not negative; found icl = "):
            opened.write(RUNS, record, opened.origins()[0])
    assert opened.runs() == list(range(RUNS))


@pytest.mark.parametrize("name", ["run-abc.json", "run-1.json", "run-0001 (copy).json", "run-00001.json", "run-0009.txt", "run-٣.json"])
def test_stray_files_are_ignored_with_a_warning(root: Path, name: str) -> None:
    opened = store(root)
    shutil.copy(opened.folder / "run-0000.json", opened.folder / name)
    with pytest.warns(UserWarning, match=f"{re.escape(name)} is ignored: its name is not that of a run"):
        assert opened.runs() == list(range(RUNS))


def test_stray_folders_are_ignored_with_a_warning(root: Path) -> None:
    opened = store(root)
    (opened.folder / "run-0009.json").mkdir()
    with pytest.warns(UserWarning, match=r"run-0009\.json is ignored"):
        assert opened.runs() == list(range(RUNS))
    (opened.folder / "run-0009.json").rmdir()
    shutil.copytree(opened.folder, opened.folder.with_name(f"{opened.folder.name} (copy)"))
    with pytest.warns(UserWarning, match=r"\(copy\) is ignored: its name is not that of a campaign's folder"):
        assert len(folders.manifests(root, opened.setup.campaign)) == 1


def test_a_copy_under_the_name_of_another_setup_is_refused(root: Path) -> None:
    opened, other = store(root), store(root, 9)
    shutil.copytree(opened.folder, other.folder)
    with pytest.raises(StorageError, match=f"is of these runs; found that of {opened.setup.hash}") as refusal:
        store(root, 9)
    assert "delete it, and repeat the command" in str(refusal.value)
    (other.folder / "manifest.json").unlink()
    for run in store(root, 9).runs():
        with pytest.raises(StorageError, match=f"found run {run} of rt-fig1a, manifest {opened.setup.hash}"):
            store(root, 9).read(run)


# What is refused before it starts.


def test_more_runs_than_memory_holds_are_refused_before_they_start(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(OutOfMemoryError, match=r"the results of 1000000000 runs fit into memory; found .*Repair: pass --runs 20, say"):
        compute(store(tmp_path), range(10**9), InOrder(), nothing)
    assert verify_main.main(["run", "rt-fig1a", "--d", "8", "--runs", str(10**9), "--output", str(tmp_path)]) == 2
    assert "runs fit into memory" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    # Asked for by a file.
    campaign(folder_of_campaigns(tmp_path), 1)
    path = store(folder_of_campaigns(tmp_path)).folder / "manifest.json"
    path.write_text(json.dumps(sealed(json.loads(path.read_text(encoding="utf-8")) | {"runs": 10**9})), encoding="utf-8")
    assert verify_main.main(["run", "rt-fig1a", "--resume", "--output", str(tmp_path)]) == 2
    assert "runs fit into memory" in capsys.readouterr().err


# Results that were stored before there were checksums.


def without_checksums(folder: Path) -> None:
    for path in folder.glob("[!.]*"):
        kept = {name: value for name, value in json.loads(path.read_text(encoding="utf-8")).items() if name != "sha256"}
        if path.suffix == ".origin":
            kept = {name: value for name, value in kept.items() if name not in ("campaign", "manifest", "run")}
        path.write_text(json.dumps(kept), encoding="utf-8")


def test_runs_without_checksum_are_refused_until_they_are_sealed(original: Path, root: Path, capsys: pytest.CaptureFixture) -> None:
    folder = store(root).folder
    without_checksums(folder)
    with pytest.raises(StorageError, match=r"what is stored carries its checksum; found none in .*manifest\.json") as refusal:
        store(root)
    assert "python -m verify seal" in str(refusal.value)
    assert verify_main.main(["seal", str(root)]) == 0
    assert f"{2 * RUNS + 1} files sealed" in capsys.readouterr().out
    assert contents(root) == contents(original)
    assert everything(root) == everything(original)
    assert verify_main.main(["seal", str(root)]) == 0
    assert ": 0 files sealed" in capsys.readouterr().out
    (folder / "run-0001.json").write_text('{"run": NaN')
    assert verify_main.main(["seal", str(root)]) == 2
    assert "run-0001.json damaged" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["manifest.json", "run-0001.json", "run-0001.origin"])
@pytest.mark.parametrize("change", [(b'"sha256"', b'"sha2u6"'), (b'"sha256": "', b'"sha256": "0')], ids=["name", "length"])
def test_a_damaged_checksum_is_no_lack_of_one(
    original: Path, root: Path, name: str, change: tuple[bytes, bytes], capsys: pytest.CaptureFixture
) -> None:
    """Sealed anew, whatever else is wrong in the file would be accepted."""
    path = store(root).folder / name
    path.write_bytes(path.read_bytes().replace(*change))
    if b'"sha256"' not in path.read_bytes():
        assert verify_main.main(["seal", str(root)]) == 2
        assert f"{name} damaged" in capsys.readouterr().err
    with pytest.raises(StorageError, match=re.escape(f"found another in {path}, which was changed. Repair: delete ")) as refusal:
        everything(root)
    repaired(root, refusal.value)
    assert everything(root)[0] == everything(original)[0]


def test_a_checksum_is_that_of_the_contents_in_whatever_form() -> None:
    run = {"campaign": "c", "run": 1, "simulations": [{"λ = 1e-08": {"icl": [0.1, 1e-300], "condition": [None, 384.0]}}]}
    line = json.dumps(sealed(run), ensure_ascii=False)
    assert checksum(json.loads(line)) == checksum(json.loads(json.dumps(run, indent=3, sort_keys=True))) == sealed(run)["sha256"]
    with pytest.raises(ValueError, match="JSON compliant"):
        checksum({"icl": float("nan")})
