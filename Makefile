# Every command of README.md. The first one prepares an environment; nothing is installed anywhere else.

VENV := .venv
CLIENT := .venv-client
AZURITE := tests/azurite/node_modules
CEPH := radosgw ceph-mon ceph-osd ceph-common
CELERY := redis-server postgresql
INPUT ?=
CHECKED := lightly_airflow dags docs tests

# Python's compiled files halve the time that Airflow takes to start.
unexport PYTHONDONTWRITEBYTECODE
export UV_COMPILE_BYTECODE := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo ui test slow ceph celery check bench clean

help:  ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/installed  ## curate photographs with a real Airflow; INPUT=folder takes your own images
	@$(VENV)/bin/python -m lightly_airflow.demo $(if $(INPUT),--input "$(INPUT)")

ui: $(VENV)/installed  ## bring up Airflow with the example DAG and look around; ctrl-c ends it
	@$(VENV)/bin/python -m lightly_airflow.demo.ui

# Three processes keep two cores busy, as a third of the time is spent waiting for servers.
test: $(VENV)/installed $(CLIENT)/installed $(AZURITE)/installed  ## run the tests, the official client's journey among them
	$(VENV)/bin/python -m pytest tests --numprocesses 3 --dist loadfile --no-loadscope-reorder

slow: $(VENV)/installed $(AZURITE)/installed ceph celery  ## run the tests that take longest
	$(VENV)/bin/python -m pytest tests -m slow

# Servers of Debian's packages. The tests of what is missing skip.
ceph:  ## install Ceph from Debian's packages, for `make slow`
	@$(call debian,Ceph,ceph ceph-mon ceph-osd radosgw,$(CEPH))

celery:  ## install Redis and PostgreSQL from Debian's packages, for `make slow`
	@$(call debian,Redis and PostgreSQL,redis-server initdb postgres,$(CELERY))

# $(1) is what people call it, $(2) its programs, $(3) its packages. Debian keeps PostgreSQL's programs off the PATH.
define debian
PATH="$$PATH:$$(echo /usr/lib/postgresql/*/bin | tr ' ' ':')"; \
missing=; for program in $(2); do command -v $$program >/dev/null || missing=yes; done; \
if [ -z "$$missing" ]; then exit 0; fi; \
if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
  echo "Installing $(1) takes root and apt-get: the tests that need it will be skipped."; exit 0; fi; \
echo "Installing $(1) ..."; export DEBIAN_FRONTEND=noninteractive; \
{ apt-get --quiet=2 update && apt-get --quiet=2 --yes install --no-install-recommends $(3) >/dev/null; } \
  || echo "$(1) cannot be installed: the tests that need it will be skipped."
endef

check: $(VENV)/installed  ## lint, format, types, import rules
	$(VENV)/bin/ruff check $(CHECKED)
	$(VENV)/bin/ruff format --check $(CHECKED)
	$(VENV)/bin/mypy $(CHECKED)
	$(VENV)/bin/lint-imports

bench: $(VENV)/installed  ## measure what the project promises about speed
	$(VENV)/bin/python tests/benchmarks/parse_time.py
	$(VENV)/bin/python -m tests.benchmarks.expiry
	$(VENV)/bin/python -m tests.benchmarks.waiting

clean:  ## remove everything that these commands have made
	rm -rf $(VENV) $(CLIENT) $(AZURITE) .demo .ui build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# python3 if its version fits, else the newest that does.
FIND_PYTHON = for python in python3 python3.13 python3.12 python3.11; do \
	  $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && break; python=; done; \
	  test -n "$$python" || { echo "No Python 3.11, 3.12 or 3.13 on the PATH: install one of them and run make again." >&2; exit 1; }

# uv installs in a fraction of the time; pip is there for machines on which only pip knows where packages come from.
$(VENV)/installed: pyproject.toml constraints.txt
	@$(FIND_PYTHON); test -x $(VENV)/bin/python || $$python -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	@echo "Installing into $(VENV), which takes a minute or two ..."
	@$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt uv
	@$(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --constraint constraints.txt --editable '.[dev]' \
	  || $(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

# The official client wants packages that are years older than Airflow's, so it gets an environment of its own. Without
# its dependencies, because torch is among those it declares and its API module needs none of it.
$(CLIENT)/installed: constraints-client.txt
	@$(FIND_PYTHON); test -x $(CLIENT)/bin/python || $$python -m venv $(CLIENT) || { rm -rf $(CLIENT); exit 1; }
	@echo "Installing LightlyOne's own client into $(CLIENT) ..."
	@$(CLIENT)/bin/python -m pip install --quiet --no-deps --requirement constraints-client.txt
	@touch $@

# Microsoft's Azure storage for tests is a program of node. Its tests skip where there is none.
$(AZURITE)/installed: tests/azurite/package.json
	@if command -v npm >/dev/null; then \
	  echo "Installing Azurite into $(AZURITE) ..." && \
	  npm install --prefix tests/azurite --ignore-scripts --no-audit --no-fund --loglevel=error && touch $@; \
	else echo "npm is not installed: the tests of Azure will be skipped."; fi
