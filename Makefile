# What a person types here. `make` alone lists the targets; the work itself is in Python (`python -m lab`, pytest).

PYTHON ?= python3
VENV := .venv
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test check format lab lab-down clean

help: ## list what can be done here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(READY) ## the whole story in containers: server, image, promotion, clients, a second version
	@$(VENV)/bin/python -m lab demo

test: check ## every test: lint, types, unit tests, then the integration tests in a lab of their own
	@$(VENV)/bin/python -m lab ensure-engine
	@$(VENV)/bin/python -m pytest --durations=10 -n 3 tests/integration

check: $(READY) ## lint, types and unit tests; no containers, one to three minutes
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/mypy
	@PYTHONPATH=. $(VENV)/bin/lint-imports --no-logo --no-cache
	@$(VENV)/bin/vermin --quiet --no-tips --backport dataclasses --target=3.9- --violations ostree_release tests/server tests/integration/inside bench/inside bench/measuring.py
	@$(VENV)/bin/python -m pytest --durations=10

format: $(READY) ## write what is generated from the declared settings; let ruff format the code and mend what it can
	@$(VENV)/bin/python -m docs.generate
	@$(VENV)/bin/ruff format .
	@$(VENV)/bin/ruff check --fix .

lab: $(READY) ## a repository server and three clients in containers, to try things on
	@$(VENV)/bin/python -m lab up

lab-down: $(READY) ## remove the lab: containers, networks, volumes
	@$(VENV)/bin/python -m lab down

clean: ## remove the lab, its images and caches, and the virtual environment
	@test ! -e $(READY) || $(VENV)/bin/python -m lab down --shared
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is written last, so that an interrupted installation is done again.
$(READY): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12 ...")'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing the Python packages into $(VENV) (about half a minute)"
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@
