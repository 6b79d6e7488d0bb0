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

$(BOOTSTRAP)/.stamp: requirements/bootstrap.txt
	@echo "setup: uv and the build tools into $(BOOTSTRAP)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "setup: Python 3.11 or newer is needed; name one: make setup PYTHON=python3.12" >&2; exit 1; }
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
up: setup ## Start everything and wait until data flows: make up RATE=200 PORT_OFFSET=100
	@$(PLATFORM) up

.PHONY: status
status: setup ## Say what runs, since when, with how much memory, and how far behind the stream is
	@$(PLATFORM) status

.PHONY: smoke
smoke: setup ## Prove that the running platform does what it promises
	@$(PLATFORM) smoke

.PHONY: logs
logs: setup ## Follow the logs, of one component with COMPONENT=kafka
	@$(PLATFORM) logs --follow $(if $(COMPONENT),--component "$(COMPONENT)")

.PHONY: open
open: setup ## Open the pages of the platform in a browser
	@$(PLATFORM) open

.PHONY: down
down: setup ## Stop everything and keep the data
	@$(PLATFORM) down

.PHONY: destroy
destroy: setup ## Stop everything and remove the data; FORCE=1 does not ask
	@$(PLATFORM) destroy

# ---------------------------------------------------------------------------------------------------------------------
# Tests and checks
# ---------------------------------------------------------------------------------------------------------------------

# More words for pytest, for example: make test-unit PYTEST='-k preflight'
PYTEST ?=
TERRAFORM := $(or $(TF),$(shell command -v terraform || command -v tofu || echo terraform))
SHELL_FILES = $(shell git ls-files --cached --others --exclude-standard '*.sh') .ci/run

.PHONY: test
test: test-unit test-terraform test-integration ## Run every test that needs no platform of yours

.PHONY: test-unit
test-unit: setup ## Run the tests that need no server
	@.venv/bin/pytest tests/unit $(PYTEST)

.PHONY: test-integration
test-integration: setup ## Run the tests that start a platform of their own on free ports
	@.venv/bin/pytest tests/integration $(PYTEST)

.PHONY: test-faults
test-faults: setup ## Kill every process of a platform of its own while events flow
	@.venv/bin/pytest tests/faults $(PYTEST)

.PHONY: test-terraform
test-terraform: setup ## Check format and validity of the Terraform code and run its tests
	@.venv/bin/pytest tests/terraform $(PYTEST)

.PHONY: lint
lint: setup ## Check format, style, types, shell, SQL and YAML
	@.venv/bin/pre-commit run --all-files --show-diff-on-failure

.PHONY: fmt
fmt: setup ## Format everything that can be formatted
	@.venv/bin/ruff check --quiet --fix-only .
	@.venv/bin/ruff format --quiet .
	@.venv/bin/shfmt --write --indent 2 --case-indent $(SHELL_FILES)
	@$(TERRAFORM) fmt -recursive
	@.venv/bin/sqlfluff format --processes 2 --disable-progress-bar sql

.PHONY: bench-latency
bench-latency: setup ## Measure the time from an event to its row in PostgreSQL
	@.venv/bin/python -m bench.latency

.PHONY: docs
docs: setup ## List the guides
	@find docs -name '*.md' | sort

.PHONY: help
help: ## Show this list
	@echo "make up starts the platform; make down stops it. All targets:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
