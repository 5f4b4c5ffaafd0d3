"""Give results that were stored before there were checksums the checksums that are required now.

What has a checksum stays as it is; the numbers of a run, and their text, stay what they are. It takes half a minute for a thousand runs.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from hermite_eq.errors import StorageError
from verify.store.checksum import KEY, sealed, unsealed
from verify.store.files import write_text
from verify.store.store import run_text


def seal(folder: Path) -> int:
    """Seal the manifest, runs and origins in the folder of a campaign; returns how many had no checksum.

    Raises
    ------
    StorageError
        If one of them is no JSON object of finite numbers.
    """
    done = 0
    for path in sorted(folder.iterdir()):
        if not re.fullmatch(r"manifest\.json|run-[0-9]{4,}\.(json|origin)", path.name):
            continue
        try:
            contents: dict[str, Any] = json.loads(path.read_bytes())
            if KEY in contents:
                continue
            if not unsealed(contents):
                raise ValueError(f"a checksum that is not called {KEY}")
            if path.suffix == ".origin":
                head = {"campaign": folder.parent.name, "manifest": folder.name, "run": int(path.stem.removeprefix("run-"))}
                text = json.dumps(sealed(head | contents)) + "\n"
            elif path.name == "manifest.json":
                text = json.dumps(sealed(contents), indent=1, ensure_ascii=False) + "\n"
            else:
                text = run_text(sealed(contents))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise StorageError(
                "what is sealed is a JSON object of finite numbers", f"{path} damaged", "delete it, and repeat this command; then repeat "
                "the command that computed the run, without --resume: what is missing will be computed again",
            ) from error
        write_text(path, text)
        done += 1
    return done


def seal_all(folder: Path) -> dict[Path, int]:
    """Seal all campaigns in a folder of results; returns how many files of each had no checksum."""
    return {each: seal(each) for each in sorted({path.parent for path in folder.rglob("run-*.json")})}
