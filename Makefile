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

# The exact line for this system: on Debian and Ubuntu the newest of the three that apt-cache knows.
python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 was not found. Install one:"; \
	if command -v apt-get >/dev/null; then \
		for p in python3.13 python3.12 python3.11; do apt-cache show $$p-venv >/dev/null 2>&1 && break; done; \
		echo "  sudo apt-get update && sudo apt-get install -y $$p $$p-venv"; \
	elif command -v dnf >/dev/null; then echo "  sudo dnf install -y python3.12"; \
	elif command -v brew >/dev/null; then echo "  brew install python@3.12"; \
	else echo "  https://www.python.org/downloads/"; fi; exit 1; }

# For maintainers: collect texts from the code into the catalogues, and re-lock (docs/dependencies.md).
messages: dev-env
	.venv/bin/python -m vpp.texts.collect

lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header -o requirements.lock
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-header -o requirements-dev.lock

vendor:
	cd vendor && npm ci && npm run build
