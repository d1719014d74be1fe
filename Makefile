# `make demo` and `make test` set up what is missing. `make help` lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
MEMBERS := common producer operator flink_job lineage local
JAVA := flink_job/java
# Maven reads it too; quiet unless something fails.
MVN := mvn --quiet --batch-mode -Dstyle.color=never

# Their coverage is printed.
PACKAGES := $(notdir $(wildcard $(MEMBERS:%=%/procstream_*)))

PIPELINE ?=
DURATION ?=
ARGS ?=

.PHONY: help
help: ## This list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: setup
setup: $(VENV)/.installed $(JAVA)/target/.packaged ## Install the pinned Python packages and build the Flink module

$(VENV)/.installed: requirements/dev.txt requirements/uv.txt $(MEMBERS:%=%/pyproject.toml)
	@echo "installing Python packages (pinned, with hashes)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/pip install --quiet --require-hashes --requirement requirements/uv.txt
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(MEMBERS:%=--editable %)
	@touch $@

$(JAVA)/target/.packaged: $(JAVA)/pom.xml $(shell find $(JAVA)/src/main -type f 2>/dev/null)
	@echo "building the Flink module"
	@$(MVN) --file $(JAVA)/pom.xml package -DskipTests
	@touch $@

.PHONY: demo
demo: setup ## Records through Kafka and Flink into proven Parquet; PIPELINE=fraud-alerts for another, DURATION=60
	@$(BIN)/procstream demo $(PIPELINE) $(if $(DURATION),--duration $(DURATION)) $(ARGS)

.PHONY: test
test: setup ## Lint, Java, unit, chart, integration and end-to-end tests without the long ones (30 minutes, 60 the first time)
	@scripts/while-testbed-builds.sh $(MAKE) --no-print-directory test-quick test-stack

# Each uses one core most of the time.
.PHONY: test-quick
test-quick: setup ## Lint, Java, unit and chart tests: everything that needs no stack
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint test-java test-unit

.PHONY: test-unit
test-unit: setup ## Unit and chart tests, and their coverage by package
	$(BIN)/pytest tests/unit tests/chart --cov --cov-report= --durations=25 $(UNIT_ARGS)
	@echo "coverage of unit and chart tests, percent:"
	@for package in $(PACKAGES) '*'; do \
	  printf '%4s %s\n' "$$($(BIN)/coverage report --format=total --include="*/$$package/*")" "$${package/\*/all}"; done

.PHONY: test-stack
test-stack: setup ## Integration tests (embedded stack) and end-to-end tests (Kubernetes), without the long ones
	$(BIN)/pytest tests/integration tests/e2e -m "not long" --durations=25 $(ARGS)

.PHONY: test-e2e
test-e2e: setup ## The tests on Kubernetes without the long ones: the cluster of KUBECONFIG, or that of `make cluster`
	$(BIN)/pytest tests/e2e -m "not long" --durations=25 $(ARGS)

.PHONY: test-long
test-long: setup ## The rest, before a release: mutation score, then every test that is marked long (about an hour)
	$(BIN)/python -m tests.mutation
	$(MVN) --file $(JAVA)/pom.xml test -Dtest=AvroReferenceTest -Davro.pairs=10000
	$(MVN) --file $(JAVA)/pom.xml test -Dtest=JsonReferenceTest -Djson.documents=10000 -Dpython=$(abspath $(BIN)/python)
	$(BIN)/pytest tests -m long --durations=25 $(ARGS)

.PHONY: test-java
test-java: setup ## Formatting and tests of the Flink module
	$(MVN) --file $(JAVA)/pom.xml verify -Dpython=$(abspath $(BIN)/python)

.PHONY: lint
lint: setup ## ruff, mypy and the layers; the chart's values and the documentation of reasons are as generated
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m helm.values_model --check
	$(BIN)/python -m procstream_operator.reasons docs/operator/reasons.md --check

.PHONY: format
format: setup ## Format Python and Java
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(MVN) --file $(JAVA)/pom.xml spotless:apply

.PHONY: bench
bench: setup ## The benchmarks behind the README's numbers (about half an hour)
	$(BIN)/python -m bench $(ARGS)

.PHONY: cluster
cluster: setup ## Start a real single-node Kubernetes on this machine; see testbed/README.md (root, Debian)
	@$(BIN)/python -m testbed up

.PHONY: cluster-down
cluster-down: setup ## Stop it and keep its state (ARGS=--wipe deletes the state)
	@$(BIN)/python -m testbed down $(ARGS)

.PHONY: lock
lock: $(VENV)/.installed ## Compile requirements/*.txt
	scripts/lock.sh $(ARGS)

.PHONY: clean
clean: ## Stop the embedded stack and remove what was built; ~/.cache/procstream stays
	test ! -x $(BIN)/procstream || $(BIN)/procstream down
	rm -rf $(VENV) $(JAVA)/target .procstream .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
