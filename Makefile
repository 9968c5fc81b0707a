# A newcomer needs: `make demo` (build a model) and `make test`. Both make .venv first, if it is not there.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RECIPE ?= ssd_mobilenet_int8
OVERRIDES ?=
WORKERS ?= 3

.PHONY: demo test fast check lint types layers docs site release mutants clean

$(BIN)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else "tflbuild needs Python 3.11 to 3.13, this is %d.%d; set PYTHON=python3.12" % v)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(BIN)/.installed-dev: $(BIN)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

demo: $(BIN)/.installed  ## build the SSD MobileNet of README.md
	$(BIN)/tflbuild recipe=$(RECIPE) $(OVERRIDES)

test: $(BIN)/.installed-dev  ## every test, slow ones included
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

fast: $(BIN)/.installed-dev  ## the tests that are not marked slow
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile -m "not slow"

check: lint types layers test  ## everything that must hold

lint: $(BIN)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(BIN)/.installed-dev
	$(BIN)/mypy

layers: $(BIN)/.installed-dev
	$(BIN)/lint-imports

docs: $(BIN)/.installed-dev  ## write the generated pages again: docs/passes.md, commands.md and report.md
	$(BIN)/python docs/generate_passes.py
	$(BIN)/python docs/generate_reference.py

site: docs  ## build the documentation as a site: outputs/site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

release: $(BIN)/.installed-dev  ## build sdist and wheel in dist/, check them, and build the demo from the wheel in an environment of its own
	$(BIN)/python .ci/release.py --python $(PYTHON)

mutants: $(BIN)/.installed-dev  ## plant 400 faults in src/ and see which the tests notice: an hour, never in CI
	$(BIN)/python benchmarks/mutants.py --count 400 --seed 1 --jobs $(WORKERS) --trace fast

clean:  ## remove the environment and every run; the store too
	rm -rf $(VENV) outputs
