PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TSC := $(BIN)/node $(VENV)/node/node_modules/typescript/bin/tsc
BIOME := cd services/web && "$(CURDIR)/$(BIN)/node" "$(CURDIR)/$(VENV)/node/node_modules/@biomejs/biome/bin/biome"
.DEFAULT_GOAL := help
unexport PYTHONDONTWRITEBYTECODE # every process would compile the sources again

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

$(VENV)/.run: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	@touch $@

$(VENV)/.node: services/web/package.json services/web/package-lock.json $(VENV)/.dev
	@mkdir -p $(VENV)/node && cp services/web/package.json services/web/package-lock.json $(VENV)/node
	$(BIN)/npm ci --prefix $(VENV)/node --ignore-scripts --no-audit --no-fund --loglevel error
	@touch $@

setup: $(VENV)/.run ## the environment in .venv, with the rooflog command in .venv/bin

dev: $(VENV)/.dev ## the environment of the tests and the checks, in .venv too

demo: $(VENV)/.run ## play a sample day from capture to training file
	$(BIN)/rooflog demo

up: $(VENV)/.run ## start everything on this machine; Ctrl-C ends it
	$(BIN)/rooflog up

browser: /usr/bin/chromium ## the browser of the tests of the pages, from Debian's packages

/usr/bin/chromium:
	apt-get install -y --no-install-recommends chromium || (apt-get update && apt-get install -y --no-install-recommends chromium)

prometheus: $(VENV)/.prometheus ## Prometheus for the tests of the alerts, from Debian's package, below .venv: nothing is installed

$(VENV)/.prometheus: $(VENV)/.run
	@mkdir -p $(VENV)/prometheus
	cd $(VENV)/prometheus && (apt-get download prometheus || (apt-get update && apt-get download prometheus))
	dpkg-deb -x $(VENV)/prometheus/prometheus_*.deb $(VENV)/prometheus
	@touch $@

alerts: $(VENV)/.dev $(VENV)/.prometheus ## break each thing that an alert is about, and see that this alert fires and no other
	$(BIN)/python -m pytest tests/deploy/test_observation.py

PYTEST = -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder --randomly-seed=$(SEED)
SEED ?= 1

test: $(VENV)/.dev $(VENV)/.node browser ## all tests in a shuffled order (SEED=2 takes another), against a real nats-server, DuckDB and browser
	$(BIN)/python $(PYTEST)

quick: $(VENV)/.dev $(VENV)/.node browser ## the tests that what changed since main needs, without kills and loads
	$(BIN)/python $(PYTEST) --quick $$($(BIN)/python -m tests.affected)

law: $(VENV)/.dev ## the law over HISTORIES=1000 random histories, and after KILLS=20 loads with kills
	ROOFLOG_HISTORIES=$(HISTORIES) ROOFLOG_KILL_SEEDS=$(KILLS) $(BIN)/python -m pytest --numprocesses 2 --dist load \
		tests/projections/test_law.py \
		tests/services/projector/test_service.py::test_killed_anywhere_under_load_the_state_equals_a_rebuild

HISTORIES ?= 1000
KILLS ?= 20

test-ray: $(VENV)/.ray ## heavy work on a Ray cluster of two nodes on this machine, with PROMPTS=50000 linked there and here
	ROOFLOG_RAY_PROMPTS=$(PROMPTS) $(BIN)/python -m pytest tests/services/heavy/test_on_ray.py

PROMPTS ?= 50000

$(VENV)/.ray: requirements-ray.lock $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-ray.lock
	@touch $@

faults: $(VENV)/.dev ## play what goes wrong on whole installations, SEEDS=20 times each; FAULT=killed,full picks some; OUT=FILE is JSON
	$(BIN)/python -m tests.faults --seeds $(SEEDS) --fault "$(FAULT)" $(if $(OUT),--json $(OUT))

SEEDS ?= 20

soak: $(VENV)/.dev ## let an installation work for MINUTES=30 at RATE=500 captures a second, and see that memory stays flat; OUT=FILE is JSON
	$(BIN)/python -m tests.faults.soak --minutes $(MINUTES) --rate $(RATE) $(if $(OUT),--json $(OUT))

MINUTES ?= 30
RATE ?= 500

cluster: $(VENV)/.dev ## two of three servers die under CAPTURES=50000 captures and reviewers: what is lost or doubled
	$(BIN)/python -m tests.cluster --captures $(CAPTURES)

CAPTURES ?= 50000

starts: $(VENV)/.dev ## start a command STARTS=1000 times against servers that are away, half-open or slow: does each end?
	$(BIN)/python -m tests.starts --count $(STARTS)

STARTS ?= 1000

test-containers: $(VENV)/.dev ## build the image and run both compose files, with podman or docker and Docker Compose
	ROOFLOG_CONTAINERS=1 $(BIN)/python -m pytest -p no:cacheprovider tests/containers

container-tools: ## podman from Debian's packages, and Docker Compose: that of Debian 13 where this release has none
	apt-get install -y --no-install-recommends podman runc netavark aardvark-dns catatonit iptables uidmap debootstrap
	sh tests/containers/unpack_compose.sh .make/containers

offline-images: $(VENV)/.dev ## imitate the official images for test-containers where no registry can be reached
	$(BIN)/python -m tests.containers.offline_images

coverage: $(VENV)/.dev $(VENV)/.node browser ## lines and branches that no test runs, here and as pages in .coverage/html
	rm -rf .coverage
	$(BIN)/coverage run $(PYTEST)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage html --quiet
	$(BIN)/coverage report

check: $(VENV)/.dev $(VENV)/.node ## lint, formatting, types, import direction, rules about files, lock file
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -p no:cacheprovider --durations=1 tests/test_architecture.py
	$(BIN)/python -m pip check
	$(BIOME) check --error-on-warnings
	$(TSC) --project services/web

format: $(VENV)/.dev $(VENV)/.node ## write the formatting that check wants
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIOME) check --write

bench: $(VENV)/.dev ## every figure beside its baseline; N=100000 examples by default, ONLY=batch,lag.idle.p50 some of them
	$(BIN)/python -m tests.bench --count $(N) --only "$(ONLY)" $(if $(ROUNDS),--rounds $(ROUNDS))

N ?= 100000

siege: $(VENV)/.dev ## besiege a gateway with all that is wrong, and show how others are answered meanwhile
	$(BIN)/python -m tests.siege

screenshots: $(VENV)/.dev browser ## every page at four widths in both themes, into .make/screenshots; look at them
	$(BIN)/python -m tests.screenshots .make/screenshots

eval: $(VENV)/.dev ## quality of the text judgements on the labelled sets; HALF=held_out, tune or all
	$(BIN)/python -m tests.evaluation $(HALF)

docs: $(VENV)/.dev ## write docs/reference/ from the code
	$(BIN)/python -m tests.docs

docs-site: $(VENV)/.dev ## build the website of all documents into .make/site/html; a broken link fails
	$(BIN)/python -m tests.docs site

fixtures: $(VENV)/.dev ## keep what this release writes, for later versions to open: tests/fixtures/vVERSION
	$(BIN)/python -m tests.fixtures.make

$(VENV)/.audit: requirements-audit.lock $(VENV)/.run
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-audit.lock
	@touch $@

audit: $(VENV)/.audit ## known vulnerabilities of everything in the locks; it asks the package index
	set -e; for lock in $(LOCKS); do echo $$lock; \
		$(VENV)/audit/bin/pip-audit --strict --require-hashes --disable-pip --progress-spinner off -r $$lock; done

sbom: $(VENV)/.audit ## what a running rooflog is made of, as CycloneDX: dist/sbom.cdx.json
	@mkdir -p dist
	$(VENV)/audit/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --of JSON -o dist/sbom.cdx.json requirements-modal.lock

release: $(VENV)/.dev sbom ## what a release is, into dist/: wheels, image where one can be built, parts, changes, checksums
	$(BIN)/python -m tests.release

client: $(VENV)/.dev ## the wheel for the assistant's side, rooflog-client, into dist/
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-build-isolation --no-deps --wheel-dir dist ./events

LOCKS = requirements.lock requirements-modal.lock requirements-ray.lock requirements-otel.lock requirements-dev.lock \
	requirements-audit.lock requirements-build.lock
COMPILE = $(VENV)/lock/bin/pip-compile --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe --no-header \
	--no-annotate --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

WITHOUT_FUNDING = import json, sys; lock = json.load(sys.stdin); \
	[package.pop("funding", None) for package in lock["packages"].values()]; print(json.dumps(lock, indent=2))

lock: $(VENV)/.dev ## resolve the newest versions that fit and pin them by their hashes
	rm -rf $(VENV)/lock && $(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip install --quiet --disable-pip-version-check pip-tools
	$(COMPILE) --output-file requirements.lock pyproject.toml
	$(COMPILE) --output-file requirements-modal.lock --extra modal pyproject.toml
	$(COMPILE) --output-file requirements-ray.lock --extra ray pyproject.toml
	$(COMPILE) --output-file requirements-otel.lock --extra otel pyproject.toml
	$(COMPILE) --output-file requirements-dev.lock --extra dev pyproject.toml
	printf 'cyclonedx-bom\npip-audit\n' | $(COMPILE) --output-file requirements-audit.lock -
	printf 'hatchling==1.33.0\nsetuptools\n' | $(COMPILE) --output-file requirements-build.lock -
	rm -rf $(VENV)/lock && mkdir $(VENV)/lock && cp services/web/package.json $(VENV)/lock
	$(BIN)/npm install --prefix $(VENV)/lock --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund
	$(BIN)/python -c '$(WITHOUT_FUNDING)' < $(VENV)/lock/package-lock.json > services/web/package-lock.json
	rm -rf $(VENV)/lock

clean: ## remove the environment and caches; the data directory stays
	rm -rf $(VENV) .make .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*\#\#.*/\1/p' $(MAKEFILE_LIST))
