"""Write the explorer as static files: ``python docs/explorer/explorer_site.py OUTPUT`` builds the wheel and copies the page beside it."""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: The one place that names the Pyodide distribution, and what is loaded of it.
PYODIDE = "314.0.3"
PACKAGES = ["numpy", "scipy", "sympy", "mpmath"]
#: Beside the page, being newer than in the distribution: python-flint for its Python and its ABI.
FLINT = "python-flint==0.9.0"
PLATFORM = ["--implementation", "cp", "--python-version", "314", "--abi", "cp314", "--platform", "pyemscripten_2026_0_wasm32"]
PAGE = ["index.html", "style.css", "page.js", "chart.js", "mathml.js", "worker.js", "python.js", "explorer.py"]


def pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments], check=True)


def write(output: Path, pyodide: str) -> None:
    """The page, its wheels and its settings, in ``output``; ``pyodide`` is the address of the distribution, from the page or in full."""
    output.mkdir(parents=True, exist_ok=True)
    for stale in output.glob("*.whl"):
        stale.unlink()
    pip("wheel", "--no-deps", "--wheel-dir", str(output), str(HERE.parents[1]))
    pip("download", "--no-deps", "--only-binary", ":all:", *PLATFORM, "--dest", str(output), FLINT)
    for name in PAGE:
        shutil.copyfile(HERE / name, output / name)
    wheels = sorted(output.glob("*.whl"))
    # A stored image of the memory is of these very files.
    parts = [pyodide.encode(), *(path.read_bytes() for path in (*wheels, output / "explorer.py", output / "python.js"))]
    build = hashlib.sha256(b"".join(parts)).hexdigest()[:16]
    settings = {"pyodide": pyodide, "packages": PACKAGES, "wheels": [path.name for path in wheels], "build": build}
    (output / "settings.json").write_text(json.dumps(settings, indent=1) + "\n")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--pyodide", default=f"https://cdn.jsdelivr.net/pyodide/v{PYODIDE}/full/", help="address of a distribution")
    given = parser.parse_args(arguments)
    write(given.output, given.pyodide)
    print(f"written: {given.output}/index.html")


if __name__ == "__main__":
    main()
