# `make` alone prints the menu. A target that needs the virtual environment makes it first.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check -qq
READY = $(VENV)/ready
UV = uv==0.13.9
LOCK = $(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock" $(UPGRADE)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SILENT:
.PHONY: help demo run test lint check format lock clean

help: ## This menu
	awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	echo
	echo "  Another Python:  make test PYTHON=python3.13 VENV=.venv-3.13"

demo: $(READY) ## Show an event's way to a simulated HLR and back
	$(BIN)/python -m connector_tools.command demo

run: $(READY) ## Run the function on this machine
	$(BIN)/python -m connector_tools.command run

test: $(READY) ## Run the tests
	$(BIN)/python -m pytest

lint: $(READY) ## Check format, style, types and floors
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

check: lint test ## Everything that CI checks: lint, then test

format: $(READY) ## Format the code and mend what can be mended
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lock: ## Pin the dependencies anew (UPGRADE=--upgrade takes the newest)
	echo "Setting up $(VENV)-lock"
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip --disable-pip-version-check -qq install $(UV)
	echo "Pinning the dependencies"
	$(LOCK) pyproject.toml --output-file requirements.txt
	$(LOCK) pyproject.toml --extra cli --group dev --constraints requirements.txt \
		--output-file requirements-dev.txt

clean: ## Remove the virtual environment and all that was made
	rm -rf $(VENV) $(VENV)-lock build .hypothesis .import_linter_cache .mypy_cache .pytest_cache \
		.ruff_cache *.egg-info
	find connector connector_tools tests main.py -name __pycache__ -type d -prune -exec rm -rf {} +

# Written last, so a set-up that was interrupted is done again.
$(READY): requirements.txt requirements-dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "This needs Python 3.11 or newer, and '$(PYTHON)' is not it." \
			"Name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	echo "Setting up $(VENV) (once, about 30 s)"
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements.txt -r requirements-dev.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@
