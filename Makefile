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
LOCKS := contract migrations producer schema_registry spark

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
