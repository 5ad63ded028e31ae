# make demo   the park's day, then the web pages        make test   everything
# Needs git, make and Python 3.11, 3.12 or 3.13. No other tool, no server, no network but the package index.
PYTHON := $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && { echo $$p; break; }; done)
SERVE ?= 1
PORT ?= 8000
RUN := .venv/bin/python manage.py
EMBEDDED := VPP_ALLOW_EMBEDDED=1 VPP_ALLOW_TWIN=1

.PHONY: demo demo-reset test lint dev-env env messages lock vendor python

demo: env
	@$(EMBEDDED) $(RUN) demo --port $(PORT) $(if $(filter 0,$(SERVE)),--no-serve)

demo-reset:
	rm -rf var/demo var/vpp.sqlite3*

test: dev-env
	@.venv/bin/python -m tests.run $(ARGS)

lint: dev-env
	.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/lint-imports && .venv/bin/mypy

env: python
	@$(PYTHON) bootstrap.py requirements.lock

dev-env: python
	@$(PYTHON) bootstrap.py requirements-dev.lock

python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 was not found. Install one, for example:"; \
	echo "  Debian, Ubuntu:  sudo apt-get install python3 python3-venv"; \
	echo "  Fedora:          sudo dnf install python3.12"; \
	echo "  macOS:           brew install python@3.12"; exit 1; }

# For maintainers: collect texts from the code into the catalogues, and re-lock (docs/dependencies.md).
messages: dev-env
	.venv/bin/python -m vpp.texts.collect

lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header -o requirements.lock
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-header -o requirements-dev.lock

vendor:
	cd vendor && npm ci && npm run build
