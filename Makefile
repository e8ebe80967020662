# Each target does its own set-up: an environment in $(VENV), made anew when pyproject.toml changes.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-all lint bench clean constraints

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $(READY)

constraints: $(READY)
	(echo "# Every version that one pip command chose; written by: make constraints"; \
	 $(BIN)/pip freeze --exclude-editable) > constraints.txt

demo: $(READY)
	$(BIN)/dentline demo

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: $(READY) lint
	$(BIN)/python -m pytest -m "not slow" -n 2

test-all: $(READY) lint
	$(BIN)/python -m pytest -n 2

clean:
	rm -rf $(VENV) demo .pytest_cache .mypy_cache .ruff_cache
