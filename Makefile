# Each target does its own set-up: an environment in $(VENV), made anew when pyproject.toml changes.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-all lint bench bench-compare clean constraints

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $(READY)

constraints: $(READY)
	(echo "# Every version that one pip command chose; written by: make constraints"; \
	 $(BIN)/pip freeze --exclude-editable) > constraints.txt

demo: $(READY)
	rm -rf demo
	$(BIN)/dentline demo

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: $(READY) lint
	$(BIN)/python -m pytest -m "not slow" -n 2

test-all: $(READY) lint
	$(BIN)/python -m pytest -n 2

bench: $(READY)
	$(BIN)/python -m benchmarks.bench

# What is slower now than in the stored results, by ratio to the same peers.
bench-compare: $(READY)
	$(BIN)/python -m benchmarks.bench --results bench-now
	$(BIN)/python -m benchmarks.bench_compare bench-now benchmarks/results

clean:
	rm -rf $(VENV) demo bench-now .pytest_cache .mypy_cache .ruff_cache
