# GovBlocks: the commands of the house. `make` alone lists them.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
export UV_PYTHON_DOWNLOADS = never

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | \
	  while IFS='|' read -r name what; do printf '  make %-10s %s\n' "$$name" "$$what"; done

run: $(INSTALLED) ## Start everything, tell the journey, keep serving until Ctrl-C
	@$(BIN)/govblocks up

demo: $(INSTALLED) ## Tell the journey on a running stack (GOVBLOCKS_URL)
	@$(BIN)/govblocks demo

test: $(INSTALLED) ## Run all tests, on a PostgreSQL they start themselves
	@$(BIN)/pytest -q -n 2 --dist loadfile

check: $(INSTALLED) ## Format, lint, types, walls, contracts
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet .
	@$(BIN)/basedpyright --warnings
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports
	@$(BIN)/python -m stack.contracts --check

fix: $(INSTALLED) ## Format, and mend what can be mended by itself
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

drill: $(INSTALLED) ## Load a stack of its own, kill its processes, check what was promised
	@$(BIN)/python -m drills $(DRILL)

contracts: $(INSTALLED) ## Write contracts/ anew from the code
	@$(BIN)/python -m stack.contracts
	@$(BIN)/python -m stack.instance > docs/guides/instance-file.schema.json

bench: $(INSTALLED) ## Measure the house beside bare baselines and peers, in ten minutes at most
	@$(BIN)/python -m benchmarks $(BENCH)

peers: build/peers/installed ## Install what `make bench` compares us with: Kinto, in build/peers

build/peers/installed: benchmarks/peers.txt
	@$(PYTHON) -m venv build/peers
	@build/peers/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/peers.txt
	@touch $@

clean: ## Remove the environment, caches, test databases and the stack's home
	rm -rf .venv .govblocks build .pytest_cache .ruff_cache .hypothesis

$(INSTALLED): pyproject.toml uv.lock kit/pyproject.toml gateway/pyproject.toml stack/pyproject.toml $(wildcard services/*/pyproject.toml)
	@echo "Making the environment in .venv"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	@$(BIN)/uv sync --quiet --frozen --compile-bytecode
	@touch $@

.DEFAULT_GOAL := help
.PHONY: help run demo test check fix contracts bench peers clean drill
