# Everything a newcomer needs: Python 3.11 or newer, make and the package index. No Docker, no root, no running server.

SHELL := /bin/sh
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help up demo test lint soak bench clean

# The first interpreter that runs and is new enough: a name on the path may be a shim with nothing behind it.
PYTHON ?= $(shell for candidate in python3.13 python3.12 python3.11 python3; do \
	if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo $$candidate; break; fi; done)

BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 8

up: .venv/runtime.stamp ## start everything, with a live view; Ctrl-C stops it
	@exec $(BIN)/python manage.py up $(ARGS)

demo: .venv/runtime.stamp ## about a minute, unattended: one of seven partners goes down, and every event arrives
	@exec $(BIN)/python manage.py demo $(ARGS)

test: lint ## everything CI runs
	@$(BIN)/python -m pytest $(ARGS)
	@if ! node --version >/dev/null 2>&1; then echo "Left out for want of a program: what needs Node (.ci/run installs it)."; \
	elif ! [ -d node_modules/standardwebhooks ]; then echo "Left out: Node's standardwebhooks (.ci/run installs it)."; \
	else echo "Left out for want of a program: nothing."; fi

lint: .venv/dev.stamp ## style, layers, types, migrations
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/lint-imports
	@$(BIN)/mypy --strict
	@$(BIN)/python manage.py makemigrations --check

soak: .venv/dev.stamp ## the chaos journeys and load at full size
	@$(BIN)/python -m pytest tests/journeys tests/races --soak $(ARGS)

bench: .venv/dev.stamp ## the benchmarks, with ratios against a floor measured in the same run
	@exec $(BIN)/python -m tests.benchmarks $(ARGS)

clean: ## remove the environment, the caches and the embedded servers' data
	@if $(BIN)/python -c '' 2>/dev/null; then $(BIN)/python -m config.embedded.erase "$(EMBEDDED_HOME)"; \
	elif [ -n "$(PYTHON)" ]; then "$(PYTHON)" -m config.embedded.erase "$(EMBEDDED_HOME)"; fi
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov staticfiles
	@find . -name .git -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +

.venv/runtime.stamp: requirements.lock .venv/bin/python
	@$(PIP) -r requirements.lock
	@touch $@

# The development lock holds the runtime's packages too.
.venv/dev.stamp: requirements-dev.lock .venv/bin/python
	@$(PIP) -r requirements-dev.lock
	@touch $@

.venv/bin/python:
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 or newer is needed, and none is on the path." >&2; exit 1; fi
	@if ! "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
		echo "$(PYTHON) is not Python 3.11 or newer." >&2; exit 1; fi
	@if ! "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "$(PYTHON) comes without its venv module. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; fi
	@"$(PYTHON)" -m venv --clear .venv
