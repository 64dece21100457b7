# Everything a person needs: `make run` and `make test`. The rest is for whoever works on it.

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
POSTGRES_URL ?= postgres://postgres@127.0.0.1:5432/postgres
POSTGRES_BENCH_URL ?= postgres://postgres@127.0.0.1:5432/bench
TEST_REDIS_URL ?= redis://127.0.0.1:6379/9
PYTEST := $(BIN)/python -m pytest -q

# The shop speaks to the sandbox over HTTP on this machine: never through a proxy.
export no_proxy := localhost,127.0.0.1,$(no_proxy)

.PHONY: run test test-services test-all check browser format lock clean writable bench-referrals

run: writable $(VENV)/shop ## The shop with demo data, sandbox and worker
	@SHOP_ENV=development SITE_URL=http://localhost:$(PORT) exec $(BIN)/python manage.py dev

test: writable $(VENV)/dev ## Every test that needs no service, on SQLite
	$(PYTEST) -n 2 -m "not postgres and not redis and not browser"

test-services: $(VENV)/dev browser ## A real browser, then everything on PostgreSQL and Redis
	$(PYTEST) -m browser
	DATABASE_URL=$(POSTGRES_URL) REDIS_URL=$(TEST_REDIS_URL) \
	$(PYTEST) -n 2 --dist worksteal -m "not browser"

test-all: test test-services ## Everything: SQLite, a real browser, PostgreSQL and Redis

check: $(VENV)/dev ## Lint, format, import contract, migrations, deployment settings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	git ls-files 'templates/*.html' 'templates/*.txt' | xargs $(BIN)/djade --check --target-version 5.2
	$(BIN)/lint-imports
	SHOP_ENV=test $(BIN)/python manage.py makemigrations --check --dry-run
	SECRET_KEY="$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(60))')" \
	SITE_URL=https://shop.example DEFAULT_FROM_EMAIL=shop@shop.example \
	STRIPE_SECRET_KEY=sk_test_of_a_real_account STRIPE_WEBHOOK_SECRETS=whsec_of_a_real_endpoint \
	$(BIN)/python manage.py check --deploy --fail-level WARNING

browser: ## Chromium, for the browser tests
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
	( command -v apt-get >/dev/null && apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium )

bench-referrals: $(VENV)/dev ## Clicks, funnel, purge and settling, on POSTGRES_BENCH_URL filled by `manage.py seed_visits`
	SHOP_ENV=test DATABASE_URL=$(POSTGRES_BENCH_URL) $(BIN)/python bench/referrals.py

format: $(VENV)/dev ## Put code and templates into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	git ls-files 'templates/*.html' 'templates/*.txt' | xargs $(BIN)/djade --target-version 5.2

lock: $(VENV)/dev ## Compile the requirement files anew
	$(BIN)/pip install -q uv
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links requirements.in -o requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links -c requirements.txt requirements-dev.in -o requirements-dev.txt

clean: ## Forget the demo database, its mails and its pictures
	rm -rf var

writable:
	@test -w . && { test ! -e var || test -w var; } || \
	{ echo "This folder cannot be written to: make a copy that is yours."; exit 1; }

# The stamps: a second run finds them newer than the requirements and installs nothing.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "Tandem needs Python 3.11 or newer: make run PYTHON=python3.12"; exit 1; }
	@echo "Making a virtual environment …"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

$(VENV)/shop: requirements.txt | $(VENV)/bin/python
	@echo "Installing the shop's packages (half a minute, once) …"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/dev: requirements-dev.txt | $(VENV)/bin/python
	@echo "Installing the packages for tests (a minute, once) …"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@ $(VENV)/shop
