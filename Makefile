# Tests run in one process for each core, with one thread of linear algebra each.
# All commands but clean set up .venv by themselves; python3 (3.11+, with venv) and make suffice.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: verify test test-matrix lint docs docs-links explorer explorer-test paper report example dist clean

verify: $(VENV)/.installed
	$(BIN)/python -m verify

# Compiled modules are kept: tests start dozens of processes, and pytest compiles every test.
test: $(VENV)/.installed
	PYTHONDONTWRITEBYTECODE= OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile

# The tests with the lowest and newest versions, every Python found, four BLAS kernels and without xdist: each row takes as long as `make test`.
# make test-matrix ROWS="lowest Zen" OPTIONS="-m 'not statistical'" runs less.
test-matrix:
	$(PYTHON) .ci/matrix.py $(ROWS) -- $(OPTIONS)

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy conftest.py # by itself: tests/verify has a module of this name

# The site, in build/docs/index.html; a warning, as of a link that leads nowhere, is an error.
docs: $(VENV)/.docs
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going docs build/docs
	$(BIN)/python docs/explorer/explorer_site.py build/docs/explorer

# The explorer alone, in build/docs/explorer/; serve the folder, say by python3 -m http.server.
explorer: $(VENV)/.installed
	$(BIN)/python docs/explorer/explorer_site.py build/docs/explorer

# The explorer in a headless Chromium, which as root is installed where it is missing, with Pyodide served from .explorer/.
explorer-test: $(VENV)/.installed
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] || { echo "chromium not found: install it"; exit 1; }; apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; }
	$(BIN)/python -m pip install --quiet --editable '.[explorer]'
	$(BIN)/python tests/explorer/rig.py
	EXPLORER_TEST=required OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest tests/explorer --verbose -rP

# Links that leave the site; needs a network.
docs-links: $(VENV)/.docs
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m sphinx --builder linkcheck docs build/links

# The derivations as a PDF; needs pdflatex (TeX Live: latex-recommended, latex-extra) for the last step.
paper: $(VENV)/.installed
	$(BIN)/python -m derivations --tex results/paper
	@if command -v pdflatex >/dev/null; then \
		cd results/paper && pdflatex -interaction=nonstopmode -halt-on-error derivations.tex >/dev/null \
		&& pdflatex -interaction=nonstopmode -halt-on-error derivations.tex >/dev/null && echo "written: results/paper/derivations.pdf"; \
	else echo "pdflatex not found: install TeX Live to build results/paper/derivations.pdf"; fi

# docs/figures/campaigns.md and its figures, from the runs stored in results/campaigns.
report: $(VENV)/.installed
	$(BIN)/python -m verify report --documents docs/figures

# The example project of docs/how_to/testing.md, against the built wheel in an environment of its own.
example: $(VENV)/.installed
	PYTHON=$(BIN)/python ./examples/run_against_wheel

# Wheel and source distribution, in dist/, each installed and used in an environment of its own.
dist: $(VENV)/.installed
	PYTHON="$(CURDIR)/$(BIN)/python" ./.ci/distributions

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

$(VENV)/.docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@

clean:
	rm -rf $(VENV) .matrix .explorer build dist docs/gallery docs/reference/parts results/verify results/paper results/campaigns/report.html results/campaigns/pictures .pytest_cache .mypy_cache .ruff_cache
