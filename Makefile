# Two commands for users: `make quickstart` and `make test`. The rest is for those who work on the project.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.8
GCS_SERVER_VERSION := v1.56.1
PRISM_VERSION := v2.77.0
OUT ?= quickstart
# A file stays in one process, so that what its tests share is made once; in order of names, so that the long files of
# tests/integration come early and none is left alone at the end.
PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help install quickstart test check lint bench lock format clean job-server gcs-server prism

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed  ## Put the locked environment into .venv

# Everything comes from the lock file with its hashes; the project itself is installed in place.
$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
		echo "error: Python 3.11 is needed; set PYTHON=/path/to/python3.11"; exit 3; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --requirement requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

quickstart: install  ## Run the whole line on a generated web, offline, in minutes
	$(BIN)/mm1 demo --out $(OUT)

test: install  ## Run all tests; with Java 17, Maven and Go also on real Spark, Flink and Prism
	@tests/object_stores.sh
	$(BIN)/pytest -q -m "not engines" $(PARALLEL) tests
	@tests/engines.sh

check: lint  ## Format, lint, types and fast tests: clean before each commit
	$(BIN)/pytest -q -m "not slow and not engines" $(PARALLEL) tests

lint: install  ## Format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: install  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install  ## Run the benchmarks against the peers, results as tables
	$(BIN)/python -m benchmarks

lock: install  ## Resolve the dependencies again into requirements.lock
	$(BIN)/uv pip compile --quiet --python-version 3.11 --no-emit-index-url --all-extras --generate-hashes \
		--custom-compile-command "make lock" --upgrade pyproject.toml -o requirements.lock

JOB_SERVER := docker/job-server/target
job-server: $(JOB_SERVER)/mm1-spark-job-server.jar $(JOB_SERVER)/mm1-flink-job-server.jar  ## Build Beam's job servers from parts

# Into folders of their own: two Maven builds in one target folder would overwrite each other.
$(JOB_SERVER)/mm1-%-job-server.jar: docker/job-server/pom.xml
	mvn --quiet --batch-mode --file $< --define jar.folder=$(abspath $(JOB_SERVER))/$*-build --activate-profiles '$*' package
	mv $(JOB_SERVER)/$*-build/mm1-$*-job-server.jar $@

gcs-server: build/fake-gcs-server  ## Build the GCS server that tests talk to (needs Go)
build/fake-gcs-server:
	GOBIN=$(abspath build) go install github.com/fsouza/fake-gcs-server@$(GCS_SERVER_VERSION)

prism: build/prism  ## Build Beam's Prism runner, a second opinion on the model (needs Go)
build/prism:
	GOBIN=$(abspath build) go install github.com/apache/beam/sdks/v2/go/cmd/prism@$(PRISM_VERSION)

clean:  ## Remove the environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build dist
