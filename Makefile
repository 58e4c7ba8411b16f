# make demo | test | lint | docs | clean; set-up happens by itself, once.

PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?= -n auto --maxprocesses 4

BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

# Real recordings beside the project are used where there are any.
export SLEEPKIT_REAL_DATA ?= $(realpath ../shared/data)
# Test workers share the cores: one numeric thread each.
test: export OMP_NUM_THREADS ?= 1
test: export MPLBACKEND := Agg

.PHONY: demo test lint docs clean

demo: $(VENV)/.ready
	$(BIN)/python -m sleepkit demo

test: lint
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.ready-docs
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build

clean:
	rm -rf $(VENV) docs/_build docs/auto_examples docs/generated

# The stamps make set-up run again where the requirements changed.
$(VENV)/.ready: pyproject.toml constraints.txt | $(BIN)/pip
	$(INSTALL) --editable ".[test]"
	touch $@

$(VENV)/.ready-docs: $(VENV)/.ready
	$(INSTALL) --editable ".[docs]"
	touch $@

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "sleepkit needs Python 3.11 or newer: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
