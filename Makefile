SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# ---------------------------------------------------------------------------------------------------------------------
# Environment: Python, locks, artifacts
# ---------------------------------------------------------------------------------------------------------------------

PYTHON ?= python3
BOOTSTRAP := build/bootstrap
UV := $(BOOTSTRAP)/bin/uv
OWN_PACKAGES := app/contract app/producer app/spark scripts
LOCKS := contract installer migrations producer schema_registry spark

.PHONY: setup
setup: .venv/.stamp ## Make .venv with everything that development needs

# A start says what the machine lacks before the first download; development needs less.
$(BOOTSTRAP)/.stamp: requirements/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "setup: Python 3.11 or newer is needed; name one: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(if $(filter up,$(MAKECMDGOALS)),PYTHONPATH=scripts $(PYTHON) -B -m music_platform.hosts.prerequisites \
		"$(or $(TF),terraform)" "$(or $(ENV),local)")
	@echo "setup: uv and the build tools into $(BOOTSTRAP)"
	@$(PYTHON) -m venv --clear $(BOOTSTRAP)
	@$(BOOTSTRAP)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/.stamp: $(BOOTSTRAP)/.stamp requirements/dev.txt $(wildcard $(OWN_PACKAGES:%=%/pyproject.toml))
	@echo "setup: the locked packages into .venv (the first time this downloads 700 MB)"
	@test -x .venv/bin/python || $(UV) venv --quiet --python $(BOOTSTRAP)/bin/python .venv
	@$(UV) pip sync --python .venv --require-hashes requirements/dev.txt
	@for package in $(OWN_PACKAGES); do \
		if [ -f $$package/pyproject.toml ]; then \
			$(UV) pip install --quiet --python .venv --no-deps --no-build-isolation --editable $$package; \
		fi; \
	done
	@touch $@

.PHONY: lock
lock: $(BOOTSTRAP)/.stamp ## Renew the locks of requirements/ from their .in files and the pyproject.toml files
	@scripts/lock.sh $(UV) $(LOCKS)

.PHONY: artifacts
artifacts: .venv/.stamp ## Build all that is shipped to a target into build/artifacts
	@.venv/bin/music-platform artifacts

# ---------------------------------------------------------------------------------------------------------------------
# The platform
# ---------------------------------------------------------------------------------------------------------------------

# What is written behind make (RATE=500 PORT_OFFSET=100 NAME=second TF=tofu FORCE=1 …) reaches the command line as it is
# and is checked there: otherwise a mistyped name would count for nothing and nobody would say so.
export MUSIC_PLATFORM_SETTINGS = $(MAKEOVERRIDES)
PLATFORM := .venv/bin/music-platform
COMPONENT ?=

.PHONY: up
up: setup ## Start everything and wait until data flows: make up RATE=200 PORT_OFFSET=100; SUPERSET=0 leaves the dashboards out
	@$(PLATFORM) up

.PHONY: status
status: setup ## Say what runs, since when, with how much memory, and how far behind the stream is
	@$(PLATFORM) status

.PHONY: smoke
smoke: setup ## Prove that the running platform does what it promises
	@$(PLATFORM) smoke

.PHONY: import
import: setup ## Bring a listener's own history in: make import FILE=my_spotify_data.zip USER_NAME=Ada COUNTRY=GB
	@$(PLATFORM) import

.PHONY: validate
validate: setup ## Look for violations of the warehouse's integrity, in the running platform or in MUSIC_POSTGRES_DSN
	@$(PLATFORM) validate

.PHONY: logs
logs: setup ## Follow the logs, of one component with COMPONENT=kafka
	@$(PLATFORM) logs --follow $(if $(COMPONENT),--component "$(COMPONENT)")

.PHONY: open
open: setup ## Open the pages of the platform in a browser
	@$(PLATFORM) open

.PHONY: superset-import
superset-import: setup ## Bring Superset to the files of superset/, and check every chart
	@$(PLATFORM) superset-import

.PHONY: superset-export
superset-export: setup ## Write what was changed in Superset's pages back to superset/, as a difference to look at
	@$(PLATFORM) superset-export

# More words for the replay, for example: make replay-dlq REPLAY='--reason unknown_schema --dry-run'
REPLAY ?=

.PHONY: replay-dlq
replay-dlq: setup ## Send dead letters to their topics again: make replay-dlq REPLAY='--reason unknown_schema'
	@$(PLATFORM) replay-dlq $(REPLAY)

.PHONY: backup
backup: setup ## Write all that PostgreSQL holds to a file, and say where it is
	@$(PLATFORM) backup

.PHONY: restore
restore: setup ## Put a backup in the place of what PostgreSQL holds: make restore FILE=…
	@$(PLATFORM) restore

.PHONY: rotate-certificates
rotate-certificates: setup ## Issue new certificates for all servers: make rotate-certificates ENV=docker
	@$(PLATFORM) rotate-certificates

.PHONY: down
down: setup ## Stop everything and keep the data
	@$(PLATFORM) down

.PHONY: destroy
destroy: setup ## Stop everything and remove the data; FORCE=1 does not ask
	@$(PLATFORM) destroy

# ---------------------------------------------------------------------------------------------------------------------
# Tests and checks
# ---------------------------------------------------------------------------------------------------------------------

# Words for the benchmark, for example: make bench BENCH='--events 100000'
BENCH ?=
# More words for pytest, for example: make test-unit PYTEST='-k preflight'
PYTEST ?=
TERRAFORM := $(or $(TF),$(shell command -v terraform || command -v tofu || echo terraform))
SHELL_FILES = $(shell git ls-files --cached --others --exclude-standard '*.sh') .ci/run .ci/prepare-docker

.PHONY: test
test: test-unit test-terraform test-integration test-faults-short test-browser ## Run every test that needs no platform of yours

.PHONY: test-unit
test-unit: setup ## Run the tests that need no server
	@.venv/bin/pytest tests/unit $(PYTEST)

.PHONY: test-integration
test-integration: setup ## Run the tests that start a platform of their own on free ports
	@.venv/bin/pytest tests/integration $(PYTEST)

.PHONY: test-truth
test-truth: setup ## Compare a simulated run with its ground truth, number by number: make test-truth EVENTS=1000000
	@MUSIC_TRUTH_EVENTS=$(EVENTS) .venv/bin/pytest -s tests/integration/test_simulated_truth.py $(PYTEST)

.PHONY: test-browser
test-browser: setup ## Look at every dashboard of a platform of its own in a browser, with ENV=docker of containers
	@.venv/bin/pytest tests/browser $(PYTEST)

.PHONY: test-docker
test-docker: setup ## Start a platform of containers, prove, attack, kill and scale it, on a Docker engine
	@.venv/bin/pytest -s tests/docker $(PYTEST)

# The seed of what is drawn at random; each run prints its own.
export MUSIC_FAULTS_SEED = $(FAULTS_SEED)
FAULTS_SEED ?=

.PHONY: test-faults
test-faults: setup ## Kill, poison and starve a platform of its own, at length: make test-faults FAULTS_SEED=42
	@MUSIC_FAULTS_LONG=1 .venv/bin/pytest -s tests/faults $(PYTEST)

.PHONY: test-faults-short
test-faults-short: setup ## The same in about ten minutes: fewer kills, less poison, a shorter backlog
	@.venv/bin/pytest -s tests/faults $(PYTEST)

.PHONY: test-terraform
test-terraform: setup ## Check format and validity of the Terraform code and run its tests
	@.venv/bin/pytest tests/terraform $(PYTEST)

.PHONY: lint
lint: setup ## Check format, style, types, shell, SQL and YAML
	@.venv/bin/pre-commit run --all-files --show-diff-on-failure

SCANNER := build/scan

$(SCANNER)/.stamp: $(BOOTSTRAP)/.stamp requirements/scan.txt
	@$(UV) venv --quiet --clear --python $(BOOTSTRAP)/bin/python $(SCANNER)
	@$(UV) pip sync --quiet --python $(SCANNER) --require-hashes requirements/scan.txt
	@touch $@

# It has no rules for the resources of a Docker engine: what holds for those is asked by tests/terraform and tests/docker.
# The tests' Terraform is left out: the passwords in it are of no server.
.PHONY: scan
scan: $(SCANNER)/.stamp ## Look for what is unsafe in the Dockerfile and the Terraform code, and for secrets in them
	@$(SCANNER)/bin/checkov --directory . --framework dockerfile --framework terraform --framework secrets \
		--skip-path build --skip-path .venv --skip-path .platform --skip-path tests \
		--skip-download --compact --quiet

.PHONY: fmt
fmt: setup ## Format everything that can be formatted
	@.venv/bin/ruff check --quiet --fix-only .
	@.venv/bin/ruff format --quiet .
	@.venv/bin/shfmt --write --indent 2 --case-indent $(SHELL_FILES)
	@$(TERRAFORM) fmt -recursive
	@.venv/bin/python scripts/module_tables.py
	@.venv/bin/sqlfluff format --processes 2 --disable-progress-bar sql

.PHONY: bench-producer
bench-producer: setup ## Measure the simulator: events a second beside a bare loop, start and memory at a million users
	@.venv/bin/python -m bench.producer

.PHONY: bench
bench: setup ## Measure the whole pipeline beside a plain design: catching up, latency, CPU, memory
	@.venv/bin/python -m bench.pipeline $(BENCH)

.PHONY: bench-latency
bench-latency: setup ## Measure ten minutes of at least 500 events/s: latency, memory, final windows against the facts
	@.venv/bin/python -m bench.latency

.PHONY: bench-growth
bench-growth: setup ## Measure how catching up grows with cores, partitions and listeners
	@.venv/bin/python -m bench.growth

.PHONY: bench-soak
bench-soak: setup ## Run an hour of events, and say each minute what the stream job keeps
	@.venv/bin/python -m bench.soak

.PHONY: bench-real-time
bench-real-time: setup ## Measure what Spark's real-time mode would give, beside micro-batches
	@.venv/bin/python -m bench.real_time

.PHONY: bench-sql
bench-sql: setup ## Measure each query of the library on 10 million facts: make bench-sql FACTS=1000000
	@.venv/bin/python -m bench.sql --facts "$(or $(FACTS),10000000)"

.PHONY: docs
docs: setup ## List the guides
	@find docs -name '*.md' | sort

.PHONY: help
help: ## Show this list
	@echo "make up starts the platform; make down stops it. All targets:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
