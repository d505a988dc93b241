# The commands of this project; `make help` lists them.
#
# Only relative paths and `python -m`: the directory may have spaces in its name, and a console
# script's first line could not name an interpreter there.

PYTHON := .venv/bin/python
# Under CI the tests measure coverage, too; it takes them about a quarter longer.
COVERAGE := --cov --cov-report=term --cov-fail-under=90
# `make test PYTEST_ARGS="-k survey"` runs a part.
PYTEST_ARGS ?= $(if $(CI),$(COVERAGE))
LOCK := $(PYTHON) -m uv pip compile pyproject.toml --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --custom-compile-command "make lock" --quiet

# Settings as in production, for the checks that read them; nothing is connected to.
CHECK_ENV := env -u DEBUG SECRET_KEY=only-for-make-check-and-long-enough-0123456789-abcdefghijklmnop \
	SITE_URL=https://portal.example ALLOWED_HOSTS=portal.example \
	DATABASE_URL=postgres://nobody@127.0.0.1:9/none REDIS_URL=redis://127.0.0.1:9/0 \
	EMAIL_URL=smtp://127.0.0.1:9 BEHIND_PROXY=true

# The first Python from 3.11 on that can make environments, else the first from 3.11 on: set-up then
# installs what it lacks, or says what to install.
define SETUP
@for modules in "sys, ensurepip, venv" "sys"; do \
	for name in python3 python3.14 python3.13 python3.12 python3.11; do \
		if "$$name" -c "import $$modules; sys.exit(sys.version_info < (3, 11))" >/dev/null 2>&1; then \
			exec "$$name" portal/core/local/bootstrap.py $(1); \
		fi; \
	done; \
done; \
echo "set-up: Python 3.11 or newer is missing: install it (Debian, Ubuntu: python3 and python3-venv)." >&2; \
exit 1
endef

.PHONY: help run test coverage check soak bench screenshots lock clean setup-local setup-dev
.DEFAULT_GOAL := help
# Targets share one environment and one database: never at the same time.
.NOTPARALLEL:

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile

run: setup-local ## start the portal with all that it needs, until Ctrl-C
	@$(PYTHON) -m portal.core.local

test: setup-dev ## run all tests, in parallel, on real services
	@$(PYTHON) -m portal.core.local.chromium
	@$(PYTHON) -m portal.core.local.libreoffice
	@$(PYTHON) -m pytest -n auto --dist worksteal $(PYTEST_ARGS)

coverage: PYTEST_ARGS := $(COVERAGE)
coverage: test ## run all tests and measure which lines and branches they check

check: setup-dev ## formatting, rules, types, layers, migrations, settings, known vulnerabilities
	@echo "check: ruff format" && $(PYTHON) -m ruff format --check --quiet . \
		|| { echo "check: run  $(PYTHON) -m ruff format ." >&2; exit 1; }
	@echo "check: ruff" && $(PYTHON) -m ruff check --quiet .
	@echo "check: djlint" && $(PYTHON) -m djlint --lint --quiet templates
	@echo "check: mypy" && $(CHECK_ENV) $(PYTHON) -m mypy --no-error-summary portal articles feedback
	@echo "check: import-linter" && said=$$($(PYTHON) -c "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())" 2>&1) \
		|| { echo "$$said"; exit 1; }
	@echo "check: migrations" && $(CHECK_ENV) $(PYTHON) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	@echo "check: settings for production" && $(CHECK_ENV) $(PYTHON) manage.py check --deploy --fail-level WARNING
	@echo "check: pip-audit" && $(PYTHON) -m portal.core.local.audit requirements/base.txt
	@echo "check: all good"

soak: setup-dev ## try many faults of mail and random worlds; SEEDS=500 says how many, SEED=1 the first
	@$(PYTHON) -m pytest -m soak $(PYTEST_ARGS)

bench: setup-local ## measure speed, as ratios in one run; NAME=page measures one
	@$(PYTHON) -m benchmarks $(NAME)

screenshots: setup-dev ## take a picture of every page of the demo, into var/screenshots
	@$(PYTHON) -m portal.core.local.chromium
	@$(PYTHON) -m tests.screenshots

lock: setup-dev ## pin the requirements of pyproject.toml anew
	$(LOCK) --output-file requirements/base.txt
	$(LOCK) --extra local --output-file requirements/local.txt
	$(LOCK) --extra local --extra dev --output-file requirements/dev.txt

clean: ## remove the environment and caches; data under var/ stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis htmlcov
	find . -name __pycache__ -not -path "./var/*" -prune -exec rm -rf {} +

setup-local:
	$(call SETUP,local)

setup-dev:
	$(call SETUP,dev)
