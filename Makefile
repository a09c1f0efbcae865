# What a contributor runs. Each target installs what it needs: Python packages into .venv, everything
# else (a Bazel, buildifier, actionlint) into CACHE, which outlives `make clean` and serves every checkout.

PYTHON ?= python3
FUZZ_SECONDS ?= 20
ACTIONLINT_VERSION := 1.7.12
BUILDIFIER_VERSION := 8.2.1

CACHE := $(or $(CGO_PREBUILT_TEST_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/rules_cgo_prebuilt)
VENV := .venv/bin
VENV_READY := .venv/ready
BUILDIFIER_HOME := $(CACHE)/buildifier-$(BUILDIFIER_VERSION)
BUILDIFIER := $(BUILDIFIER_HOME)/node_modules/.bin/buildifier
ACTIONLINT := $(CACHE)/actionlint-$(ACTIONLINT_VERSION)/actionlint
STARLARK = $(shell git ls-files --cached --others --exclude-standard '*.bzl' '*.bazel')

.PHONY: help needs setup test test-slow test-all coverage mutate lint lint-starlark lint-workflows format docs site fuzz demo bench fleet first-build bazel requirements clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile

needs: ## what the tests need, and what of it this machine lacks
	@$(PYTHON) -m tests.machine_needs

setup: $(VENV_READY) $(BUILDIFIER) $(ACTIONLINT) ## install the Python packages, buildifier and actionlint

# In the order of their names: the long end-to-end tests come first, and the run ends with short ones.
# One process more than there are cores, since end-to-end tests wait for disks and servers.
IN_TURN := -n $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1) --dist loadfile --no-loadscope-reorder

test: needs lint bazel ## lint, then every test but the slow ones; with a real Bazel
	$(VENV)/pytest $(IN_TURN) --durations=15 -m "not slow"

test-slow: setup bazel ## the tests that are marked slow: remote cache and execution, crowds, a soak, Windows and macOS
	$(VENV)/pytest $(IN_TURN) --durations=15 -m slow

test-all: test test-slow ## both

coverage: $(VENV_READY) ## which lines and branches of the fetcher the unit tests run; at least 90 %
	$(VENV)/pytest -n auto --dist loadfile --cov --cov-report=term-missing tests/unit

# In a copy, for the reason that pyproject.toml gives. Only what changed is tried again.
mutate: $(VENV_READY) ## do the tests notice it when the readers, the resume and the store are broken? Half an hour
	$(VENV)/pip install --quiet --editable '.[mutate]'
	mkdir -p .mutate
	rm -rf .mutate/src .mutate/tests
	cp -r tools .mutate/src
	cp -r tests pyproject.toml .mutate
	cd .mutate && nice -n 19 ../$(VENV)/mutmut run $(MUTANTS)
	cd .mutate && ../$(VENV)/mutmut results

lint: setup ## ruff, mypy, buildifier, actionlint and the check of prose
	$(VENV)/ruff check .
	$(VENV)/ruff check --select D401 tools docs/site
	$(VENV)/ruff format --check .
	$(VENV)/mypy tools tests examples bench release docs/site
	$(VENV)/python -m tests.prose
	$(MAKE) --no-print-directory lint-starlark lint-workflows

lint-starlark: $(BUILDIFIER)
	$(BUILDIFIER) -mode=check -lint=warn $(STARLARK)

# Without shellcheck and pyflakes, which some machines have and others have not.
lint-workflows: $(ACTIONLINT)
	$(ACTIONLINT) -shellcheck= -pyflakes= .github/workflows/*.yml docs/publish/*.yml docs/update/*.yml

format: setup ## rewrite the sources in the house style
	$(VENV)/ruff check --fix .
	$(VENV)/ruff format .
	$(BUILDIFIER) -lint=fix $(STARLARK)

docs: $(VENV_READY) bazel ## write docs/reference from the program, and the errors that docs/troubleshooting.md quotes
	PYTHONPATH=tools $(VENV)/python -m reference --bazel "$$($(PYTHON) -m tests.bazel.provision)"

site: $(VENV_READY) ## build the site of docs/ and the README into dist/site; a broken link fails
	$(VENV)/python docs/site/pages.py dist/site

fuzz: $(VENV_READY) ## feed the readers of tar, zip and lock what a fuzzer thinks up; FUZZ_SECONDS each (Linux)
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(VENV)/pytest tests/e2e/test_fuzz.py

demo: $(VENV_READY) bazel ## the vecsearch example from its release to a linked program
	$(VENV)/python examples/vecsearch/demo.py

bench: $(VENV_READY) bazel ## cgo-prebuilt beside what people do today; BENCH_OPTIONS such as --size, --rounds, --only
	$(VENV)/pip install --quiet --editable '.[bench]'
	$(VENV)/python -m bench --folder $(CACHE)/bench $(BENCH_OPTIONS)

fleet: $(VENV_READY) ## what 10,000 builds a day cost a release host and each builder, by the way they fetch
	$(VENV)/pip install --quiet --editable '.[bench]'
	$(VENV)/python -m bench.fleet --folder $(CACHE)/bench $(FLEET_OPTIONS)

first-build: $(VENV_READY) ## from a fresh clone to a linked program in Bazel, beside http_archive; FIRST_OPTIONS such as --sizes, --rounds
	$(VENV)/python -m bench.first_build $(FIRST_OPTIONS)

bazel: ## print the Bazel that the tests use, made first where the machine has none
	@$(PYTHON) -m tests.bazel.provision

requirements: $(VENV_READY) ## pin the fetcher's packages anew, every distribution by hash
	$(VENV)/pip install --quiet uv
	cd rules/private/requirements && for name in requests decoders signatures attestations; do \
		../../../$(VENV)/uv pip compile --quiet --upgrade --universal --python-version 3.10 --generate-hashes \
			--no-annotate --custom-compile-command "make requirements" --output-file $$name.txt $$name.in || exit; \
	done

clean: ## remove what these targets left in the checkout
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .coverage .mutate dist

$(VENV_READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(VENV)/pip install --quiet --editable '.[dev,fuzz]'
	touch $@

$(ACTIONLINT):
	@command -v go >/dev/null || { echo "go is needed, to install actionlint: install Go" >&2; exit 1; }
	GOBIN=$(@D) go install github.com/rhysd/actionlint/cmd/actionlint@v$(ACTIONLINT_VERSION)

$(BUILDIFIER):
	@command -v npm >/dev/null || { echo "npm is needed, to install buildifier: install Node.js" >&2; exit 1; }
	npm install --silent --prefix $(BUILDIFIER_HOME) @bazel/buildifier@$(BUILDIFIER_VERSION)
