# Everything that a person types here. `make` alone lists it.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test test-fast crash durations check format bench bench-gateway bench-ledger bench-budgets \
	bench-shipping bench-activity bench-lifelog bench-pages screenshots lock clean

help: ## list what can be typed
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

# exec, so that Ctrl-C and signals reach Daybook itself.
run: ## set up everything that is missing, and run Daybook
	@scripts/bootstrap run && exec .venv/bin/daybook run

# In several processes (tests/conftest.py); in one with ARGS="-n 0". They share a hash seed, or what one
# parametrises from a set stands in another order in the next, and pytest-xdist refuses to run.
test: ## set up everything that is missing, and run the tests (make test ARGS="-k ledger")
	@scripts/bootstrap dev && PYTHONHASHSEED=$${PYTHONHASHSEED:-$$RANDOM} exec .venv/bin/pytest -n auto $(ARGS)

test-fast: ## run the tests that fit into two minutes on two cores, before a commit
	@$(MAKE) --no-print-directory test ARGS='-m "not slow" $(ARGS)'

durations: ## run the tests and keep how long each took, which decides what test-fast runs (maintainers)
	@KEEP_DURATIONS=1 $(MAKE) --no-print-directory test

crash: ## kill everything for CRASH_SECONDS (600), at every failpoint and at random, and check the ledger
	@scripts/bootstrap dev && CRASH_SECONDS=$${CRASH_SECONDS:-600} exec .venv/bin/pytest -s tests/crash/test_ledger_balances.py

check: ## format, lint, types, import contracts and tests: what must be green before a commit
	@scripts/bootstrap dev && scripts/check

format: ## format the code
	@scripts/bootstrap dev && .venv/bin/ruff format && .venv/bin/ruff check --fix-only

bench: bench-gateway bench-ledger bench-budgets bench-shipping bench-lifelog bench-activity bench-pages ## every measurement

bench-gateway: ## requests per second and latency of the gateway, beside others
	@scripts/bootstrap dev && exec .venv/bin/python bench/gateway/run.py

bench-ledger: ## statistics from rollups beside the same from lines; verify; what the triggers cost
	@scripts/bootstrap dev && exec .venv/bin/python bench/ledger.py

bench-budgets: ## what a hard budget adds to a call, beside one update per call
	@scripts/bootstrap dev && exec .venv/bin/python bench/budgets.py

bench-lifelog: ## a large upload, an import that is killed, a day's page out of 100,000 events
	@scripts/bootstrap dev && .venv/bin/python bench/upload.py && .venv/bin/python bench/imports.py && exec .venv/bin/python bench/day_page.py

bench-activity: ## how fast activity is found in videos, beside decoding them and nothing else
	@scripts/bootstrap dev && exec .venv/bin/python bench/activity.py

bench-pages: ## how fast home and the dashboard are, as Lighthouse sees them
	@scripts/bootstrap dev && exec .venv/bin/python bench/pages.py

bench-shipping: ## how fast journals become lines, beside a plain COPY
	@scripts/bootstrap dev && exec .venv/bin/python bench/shipping.py

screenshots: ## a picture of every page, in light and dark, phone and desktop (make screenshots TO=folder)
	@scripts/bootstrap dev && exec .venv/bin/python scripts/screenshots $${TO:?name the folder for the pictures: make screenshots TO=folder} $(ARGS)

lock: ## write the lock files anew (maintainers; needs uv)
	@scripts/lock

clean: ## remove the environment and what was built, not the data
	rm -rf .venv build dist .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find src packages tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
