# make demo | test | test-oldest | lint | docs | linkcheck | clean; set-up happens by
# itself, once.

PYTHON ?= python3
VENV ?= .venv
VENV_OLDEST ?= .venv-oldest
PYTEST_ARGS ?= -n auto --maxprocesses 4 --dist worksteal

BIN := $(VENV)/bin
OLDEST := $(VENV_OLDEST)/bin
# Bytecode is written where it is used: of a tenth of the files that pip installs.
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --no-compile
INSTALL := $(BIN)/python $(PIP_INSTALL) -c constraints.txt
# What depends on numpy, SciPy, scikit-learn, MNE and their kin. The methods share their
# base class and depend on torch, so that one of them is enough: ModuleClassifier.
# Stage files are read without any of these.
CORE_TESTS ?= $(addprefix tests/,io metrics model_selection persistence preprocessing \
  recording signal utils test_common.py)
OTHERS ?= fusion or MedFuse or SleepMG or SleepNet or FeatureNet or AttnSleep or SleepPrintNet or \
  SleePyCo or DANClassifier or SleepTransformer or TemporalConv or read_hypnogram

# Without kept bytecode, each process that a test starts would compile torch again.
export PYTHONDONTWRITEBYTECODE :=

# Real recordings beside the project are used where there are any.
export SLEEPKIT_REAL_DATA ?= $(realpath ../shared/data)
# Test workers share the cores: one numeric thread each.
test test-oldest docs: export OMP_NUM_THREADS ?= 1
test test-oldest: export MPLBACKEND := Agg

.PHONY: demo test test-oldest lint docs linkcheck clean

demo: $(VENV)/.ready
	$(BIN)/python -m sleepkit demo --overwrite

test: lint
	$(BIN)/python -m pytest $(PYTEST_ARGS)

# On the oldest versions that pyproject.toml allows.
test-oldest: $(VENV_OLDEST)/.ready
	$(OLDEST)/python -m pytest $(PYTEST_ARGS) $(CORE_TESTS) -k "not ($(OTHERS))"

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/lint-imports

# With the gallery, whose examples run where they changed since the last build.
docs: $(VENV)/.ready-docs
	$(BIN)/sphinx-build -W --keep-going -b html $(SPHINX_ARGS) docs docs/_build

# Needs the internet; no example runs.
linkcheck: $(VENV)/.ready-docs
	$(BIN)/sphinx-build -b linkcheck -D plot_gallery=0 docs docs/_build/linkcheck

clean:
	rm -rf $(VENV) $(VENV_OLDEST) docs/_build docs/auto_examples docs/generated

# The stamps make set-up run again where the requirements changed.
$(VENV)/.ready: pyproject.toml constraints.txt | $(BIN)/pip
	$(INSTALL) --editable ".[test]"
	touch $@

$(VENV)/.ready-docs: $(VENV)/.ready
	$(INSTALL) --editable ".[docs]"
	touch $@

$(VENV_OLDEST)/.ready: pyproject.toml constraints-oldest.txt | $(OLDEST)/pip
	$(OLDEST)/python $(PIP_INSTALL) -c constraints-oldest.txt \
	  --editable . pandas pytest pytest-xdist
	touch $@

$(BIN)/pip $(OLDEST)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "sleepkit needs Python 3.11 or newer: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(@D:/bin=)
