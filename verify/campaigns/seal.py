"""Give results that were stored before there were checksums the checksums that are required now.

    python -m verify.campaigns.seal results/campaigns

What has a checksum stays as it is; the numbers of a run, and their text, stay what they are. It takes half a minute for a thousand runs.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hermite_eq.errors import HypothesisError, StorageError
from verify.campaigns.checksum import KEY, sealed, unsealed
from verify.campaigns.store import run_text
from verify.command_line import command_line
from verify.report import write_text

SMALLEST = ("results",)


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


def main(argv: Sequence[str] | None = None) -> int:
    """Seal all campaigns in a folder of results."""
    parser = command_line("verify.campaigns.seal", __doc__, SMALLEST)
    parser.add_argument("folder", type=Path, help="any folder above those of the campaigns, as results/campaigns")
    arguments = parser.parse_args(argv)
    folders = sorted({path.parent for path in arguments.folder.rglob("run-*.json")})
    try:
        for folder in folders:
            print(f"{folder}: {seal(folder)} files sealed")
    except HypothesisError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    print(f"{len(folders)} campaigns in {arguments.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
