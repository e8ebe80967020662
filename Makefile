# Each target does its own set-up: an environment in $(VENV), made anew when pyproject.toml changes.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
FORMATS := $(VENV)-formats

.PHONY: demo test test-all test-formats lint bench bench-compare clean constraints

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
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

test-all: $(READY) lint test-formats
	$(BIN)/python -m pytest -n 2 --dist loadfile

# The label tools' own readers hold OpenCV below 5 and pandas below 3: they live in an environment of their own.
$(FORMATS)/.ready: pyproject.toml constraints-formats.txt
	$(PYTHON) -m venv $(FORMATS)
	$(FORMATS)/bin/pip install --quiet --disable-pip-version-check -c constraints-formats.txt -e ".[formats]"
	touch $@

test-formats: $(FORMATS)/.ready
	$(FORMATS)/bin/python -m pytest tests/test_formats_tools.py

# Peers that are not installed are left out: $(BIN)/pip install -e ".[bench]" has them all.
bench: $(READY)
	$(BIN)/python -m benchmarks.bench

# What is slower now than in the stored results, by ratio to the same peers.
bench-compare: $(READY)
	$(BIN)/python -m benchmarks.bench --results bench-now
	$(BIN)/python -m benchmarks.bench_compare bench-now benchmarks/results

clean:
	rm -rf $(VENV) $(FORMATS) demo bench-now .pytest_cache .mypy_cache .ruff_cache
