# `make` alone lists the targets.
PYTHON ?= python3
PROCESSES ?= 2
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --no-input
# uv does in seconds what takes pip more than a minute; where it fails, pip does it.
UV := UV_HTTP_RETRIES=1 UV_HTTP_TIMEOUT=15 $(BIN)/uv pip install --quiet --python $(BIN)/python
from_lock = { $(UV) --require-hashes -r $(1) || $(PIP) --quiet --require-hashes -r $(1); } >&2

# Tests start hundreds of servers: without byte code each of them would compile its modules again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install queues run test demo lint check coverage bench faults full lock

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(VENV)/.stamp  ## make .venv from the lock file, with the console script in .venv/bin/

$(VENV)/.stamp: requirements.lock pyproject.toml hatch_build.py telemetry_server/convert/compiled/_text.c telemetry_server/aggregates/compiled/_sums.c telemetry_server/tables/_fields.c telemetry_server/tables/_metrics.c telemetry_server/tables/_scalars.c telemetry_server/tables/_numbers.h telemetry_server/tables/_columns.h telemetry_server/tables/_histogram_rows.h telemetry_server/tables/_scalar_rows.h storage/tables/compiled/_lists.c storage/tables/compiled/_pages.c telemetry_server/edge/_head.c telemetry_server/edge/_connection.c storage/checksums/_crc32c.c storage/checksums/_crc32c.h storage/raw/_records.c storage/raw/_queue.c storage/raw/_handover.c storage/raw/_frames.h storage/raw/_stamp.h storage/raw/_usual_header.h
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "1/3 making $(VENV)" >&2
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "2/3 installing $$(grep -c '==' requirements.lock) packages from requirements.lock" >&2
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock >$(VENV)/uv.lock
	@$(PIP) --quiet --require-hashes -r $(VENV)/uv.lock >&2 || true
	@$(call from_lock,requirements.lock)
	@echo "3/3 building telemetry-server" >&2
	@$(PIP) --quiet --no-deps --no-build-isolation -e . >&2
	@touch $@

$(VENV)/.stamp-queues: requirements-queues.lock $(VENV)/.stamp
	@$(call from_lock,requirements-queues.lock)
	@touch $@

queues: install $(VENV)/.stamp-queues  ## clients of NATS and Kafka, and a NATS server, for the tests of queues

# An empty variable counts as not set.
run: install  ## start the server on 127.0.0.1:8080, data in ./data; PORT=9000 takes another port
	@PORT='$(PORT)' REPORTS_PORT='$(REPORTS_PORT)' $(BIN)/telemetry-server serve --data ./data

test: install  ## every test that needs no outside service; COVERAGE=yes also does what `make coverage` does
	@$(if $(COVERAGE),$(MAKE) --no-print-directory coverage,$(BIN)/python -m pytest -q -n $(PROCESSES) --dist loadfile)

demo: install  ## a temporary server, valid and faulty pings, and the outcome of each
	@$(BIN)/telemetry-server demo

lint: install  ## style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

check: lint test  ## lint, types, tests, docs: what .ci/run runs

coverage: install  ## branch coverage of the tests, by room; build/coverage/missing.txt lists what did not run
	@$(BIN)/python -m tests.support.coverage -q -n $(PROCESSES) --dist loadfile

bench: install  ## the benchmark suite, as ratios
	@$(BIN)/python -m bench

faults: install  ## the long durability suite, with its figures
	@SIZES=full $(BIN)/python -m pytest -q -n $(PROCESSES) --dist loadfile -m "not firefox" tests/faults tests/aggregates/test_histories.py

full: install  ## every test at its full size, slow ones and real browsers too: more than an hour
	@SIZES=full $(BIN)/python -m pytest -q -m "slow or not slow"

lock: install  ## resolve requirements.lock anew
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-annotate \
	  --group dev pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --no-annotate \
	  --group queues --no-deps -o requirements-queues.lock
