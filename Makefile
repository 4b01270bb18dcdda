# Each target says what it does; on failure, the command it runs says what to do next.
.DEFAULT_GOAL := help
SHELL := /bin/sh
STACK ?= dev
PYTHON ?= python3
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export PYTHONPATH := $(CURDIR)
ifdef SPEED
export SANDBOX_SPEED := $(SPEED)
endif

$(READY): requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $$($(PYTHON) --version) is too old; Python 3.11 or newer is needed. Choose one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Installing Python packages into $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	@$(BIN)/python -m compileall -q $(VENV)/lib >/dev/null 2>&1 || true
	@touch $(READY)

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(READY) ## Install the Python packages into .venv

.PHONY: up
up: $(READY) ## Preview and apply a stack in the sandbox [STACK=dev|prod FAULTS=script.yaml SPEED=1 OPTIONS=--refresh]
	@$(BIN)/python -m sandbox up --stack $(STACK) $(if $(FAULTS),--faults "$(FAULTS)") $(if $(OPTIONS),-- $(OPTIONS))

.PHONY: preview
preview: $(READY) ## Show what `make up` would change [STACK=dev|prod OPTIONS=…]
	@$(BIN)/python -m sandbox preview --stack $(STACK) -- --diff $(OPTIONS)

.PHONY: destroy
destroy: $(READY) ## Delete everything of one stack, as on the real cloud [STACK=dev|prod]
	@$(BIN)/python -m sandbox destroy --stack $(STACK)

.PHONY: status
status: $(READY) ## Show what runs in the sandbox
	@$(BIN)/python -m sandbox status

.PHONY: logs
logs: $(READY) ## Show what a pod has written [POD=namespace/name, CONTAINER=name]
	@$(BIN)/python -m sandbox logs "$(POD)" $(if $(CONTAINER),--container "$(CONTAINER)")

.PHONY: load-test
load-test: $(READY) ## Send requests and tell latencies [URL=http://… RATE=10 DURATION=30 RAMP=0 P95=seconds OPTIONS=…]
	@$(BIN)/python -m operations.load_test "$(URL)" $(if $(RATE),--rate "$(RATE)") $(if $(DURATION),--duration "$(DURATION)") \
	  $(if $(RAMP),--ramp "$(RAMP)") $(if $(P95),--max-p95 "$(P95)") $(OPTIONS)

.PHONY: faults
faults: $(READY) ## Set, show or clear the errors the simulated cloud gives on order [FAULTS=script.yaml|show|clear]
	@$(BIN)/python -m sandbox faults "$(or $(FAULTS),show)"

.PHONY: down
down: $(READY) ## End and remove the whole sandbox
	@$(BIN)/python -m sandbox down

.PHONY: tools
tools: $(READY) ## Build the sandbox's tools into the per-user cache
	@$(BIN)/python -m sandbox tools

.PHONY: schema
schema: $(READY) ## Write settings.schema.json and docs/settings.md from the settings
	@$(BIN)/python -m components.schema

.PHONY: rules-docs
rules-docs: $(READY) ## Write docs/rules/ from the policies
	@$(BIN)/python -m policies.check.pages

.PHONY: test
test: tools ## Run every test [JOBS=2]
	@$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadgroup

.PHONY: test-fast
test-fast: $(READY) ## Run the tests of rules, settings and policies, in seconds
	@$(BIN)/python -m pytest tests/unit tests/policies

.PHONY: lint
lint: $(READY) ## Check style, types and workflows
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/pyright
	@$$($(BIN)/python -m sandbox tools --lint)

.PHONY: format
format: $(READY) ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: bench
bench: tools ## Time previews, the policies, and the analysis of a large state
	@$(BIN)/python -m bench
	@$(BIN)/python -m bench.policies
	@$(BIN)/python -m bench.analysis

.PHONY: bench-peers
bench-peers: $(READY) ## Time the check beside conftest, and Kyverno where it is installed
	@$(BIN)/python -m bench.peers

.PHONY: bench-routing
bench-routing: $(READY) ## Measure prefix-aware routing against round robin [OPTIONS=--rounds 5]
	@$(BIN)/python -m bench.routing $(OPTIONS)

.PHONY: bench-cycles
bench-cycles: tools ## Make and remove the sandbox again and again; nothing may be left [CYCLES=20]
	@$(BIN)/python -m bench.cycles "$(or $(CYCLES),20)" --stack "$(STACK)" $(OPTIONS)
