PYTHON ?= python3
VENV ?= .venv
EXAMPLE ?=
DATABASE ?=
PYTHONS ?=
PY = $(VENV)/bin/python
# The many processes that tests start shall not each compile everything anew, whatever the shell says.
export PYTHONDONTWRITEBYTECODE =

.DEFAULT_GOAL := help
.PHONY: help environment demo serve test quick check packaging bench faults docs lock clean

help: ## show this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

environment: ## set up .venv, which all others do by themselves
	@$(PYTHON) tools/environment.py $(VENV)

demo: environment ## drive all examples over HTTP and check what they say (EXAMPLE=name for one, DATABASE=postgres)
	@$(PY) -m examples.demo $(EXAMPLE) $(if $(DATABASE),--database '$(DATABASE)')

serve: environment ## serve an example over HTTP (EXAMPLE=orders)
	@$(PY) -m twofold run examples.$(or $(EXAMPLE),orders):app

test: environment ## run the tests, with coverage and its floors
	@$(PY) -m coverage erase
	@$(PY) -m pytest -n 4 --dist worksteal --cov --cov-report=
	@$(PY) -m coverage report --include='src/**'
	@$(PY) tools/coverage_floors.py

quick: environment ## run the tests, without coverage
	@$(PY) -m pytest -n auto

check: environment ## style, types, architecture, dependencies, duplication
	@$(PY) tools/check.py

# PYTHONS may name several interpreters.
packaging: environment ## try the wheel in environments of its own, with each extra alone
	@$(PY) -m tools.packaging $(PYTHONS)

bench: environment ## measure against the twins by hand
	@$(PY) -m benchmarks

# pytest exits with 5 when no test carries the mark, which is no fault.
faults: environment ## run the long fault loops
	@$(PY) -m pytest -m faults || { status=$$?; [ $$status -eq 5 ] || exit $$status; echo "no test is marked 'faults'"; }

docs: environment ## build the site of the pages and of all docstrings in site/; a link that leads nowhere fails it
	@$(PY) tools/docs_site.py

# Extras stay in the lock: an older pip would look for the newest `coverage[toml]` beside a pinned `coverage`.
lock: environment ## pin the newest allowed versions in requirements.lock
	@$(PY) -m uv pip compile --quiet --universal --python-version 3.11 --all-extras --group dev --upgrade \
		--generate-hashes --no-strip-extras --no-annotate --no-emit-index-url --custom-compile-command "make lock" \
		--output-file requirements.lock pyproject.toml
	@$(PYTHON) tools/environment.py $(VENV)

clean: ## remove environments, caches and reports
	@rm -rf .venv .venv-* build dist site htmlcov .coverage .coverage.* .hypothesis .import_linter_cache \
		.mypy_cache .pytest_cache .ruff_cache
	@find src tests examples benchmarks tools -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
