# The only entry. Plain `make` lists the targets; each sets up what it needs and nothing twice.
.DEFAULT_GOAL := help
.PHONY: help setup demo test check fix bench rehearse cdktf clean

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready
CODE := app.py ci environments infra ml stacks tests
# A busy neighbour costs waiting OpenMP threads 1.6 times the time; asleep they cost nothing.
export OMP_WAIT_POLICY := passive
# Some images forbid Python to keep bytecode; pip writes none here, and each process would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(READY)  ## virtual environment, tools, data set (every other target does this first)

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv --clear .venv
	$(BIN)/pip install --quiet --no-compile --no-deps --requirement requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -m ci.set_up
	@touch $@

demo: $(READY)  ## deploy the platform to the embedded cloud, train, release, predict, destroy; RECIPE=debug: a quick one
	$(BIN)/groundplan demo $(addprefix --recipe ,$(RECIPE))

test: $(READY)  ## all tests
	$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

check: $(READY)  ## what CI runs: format, lint, types, imports, tests
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) test

fix: $(READY)  ## repair what a tool can repair
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

bench: $(READY) node_modules  ## measure us beside the alternatives, into out/bench.json
	$(BIN)/python -m ci.bench

rehearse: $(READY)  ## every environment on this machine: deploy, plan again, destroy, look for what is left
	set -e; for each in environments/[a-z]*.py; do $(BIN)/groundplan rehearse --bootstrap "$$(basename "$$each" .py)"; done

cdktf: $(READY) node_modules  ## cdktf-cli, for `cdktf deploy 'dev-*'`

node_modules: package.json package-lock.json
	npm ci --silent --no-audit --no-fund
	@touch $@

clean:  ## remove what was built here (stop the cloud first: groundplan cloud stop)
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .import_linter_cache cdktf.out node_modules out
