PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help
unexport PYTHONDONTWRITEBYTECODE # every process would compile the sources again

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(VENV)/.run: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	@touch $@

setup: $(VENV)/.run ## the environment in .venv, with the rooflog command in .venv/bin

demo: $(VENV)/.run ## play a sample day from capture to training file
	$(BIN)/rooflog demo

up: $(VENV)/.run ## start everything on this machine; Ctrl-C ends it
	$(BIN)/rooflog up

browser: /usr/bin/chromium ## the browser of the tests of the pages, from Debian's packages

/usr/bin/chromium:
	apt-get install -y --no-install-recommends chromium || (apt-get update && apt-get install -y --no-install-recommends chromium)

PYTEST = -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --randomly-seed=$(SEED)
SEED := $(shell date +%s)

test: $(VENV)/.dev browser ## all tests in a random order (SEED=… repeats one), against a real nats-server, DuckDB and browser
	$(BIN)/python $(PYTEST)

quick: $(VENV)/.dev browser ## the tests that what changed since main needs, without kills and loads
	$(BIN)/python $(PYTEST) --quick $$($(BIN)/python -m tests.affected)

coverage: $(VENV)/.dev browser ## lines and branches that no test runs, here and as pages in .coverage/html
	rm -rf .coverage
	$(BIN)/coverage run $(PYTEST)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage html --quiet
	$(BIN)/coverage report

check: $(VENV)/.dev ## lint, formatting, types, import direction, lock file
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pip check

bench: $(VENV)/.dev ## speed of every stage beside its baseline; N=100000 facts by default
	$(BIN)/python -m tests.bench $(N)

eval: $(VENV)/.dev ## quality of the text judgements on the labelled sets; HALF=held_out, tune or all
	$(BIN)/python -m tests.evaluation $(HALF)

docs: $(VENV)/.dev ## write the documents that are generated from the code: docs/openapi.json, docs/asyncapi.json, docs/schemas/
	$(BIN)/python -m tests.docs

client: $(VENV)/.dev ## the wheel for the assistant's side, rooflog-client, into dist/
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps --wheel-dir dist ./events

lock: ## resolve the newest versions that fit and pin them
	rm -rf $(VENV)/lock && $(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip install --quiet --disable-pip-version-check .
	$(VENV)/lock/bin/python -m pip freeze --exclude rooflog-server --exclude-editable > requirements.lock
	$(VENV)/lock/bin/python -m pip install --quiet --disable-pip-version-check '.[dev]'
	$(VENV)/lock/bin/python -m pip freeze --exclude rooflog-server --exclude-editable > requirements-dev.lock
	rm -rf $(VENV)/lock

clean: ## remove the environment and caches; the data directory stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help setup demo up browser test quick coverage check bench eval docs client lock clean
