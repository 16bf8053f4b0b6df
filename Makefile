# Two commands for a fresh machine: `make demo` and `make test`. Each prepares everything it needs.
PYTHON_IN_VENV := .venv/bin/python
EVENTS ?=
ARGS ?=
SEEDS ?=
SEED ?=
KIND ?=
LANES ?=
# Two processes with a stack each: most of the time a test of faults waits. A file's tests stay together, in order.
SIDE_BY_SIDE := --numprocesses 2 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help prepare demo test test-long bench bench-peers bench-growth faults lint format docs clean

help: ## these lines
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'

prepare: ## make .venv and install the locked packages; every other target does this first
	@sh deploy/bootstrap.sh

demo: prepare ## run the whole pipeline on this machine: make demo EVENTS=100000
	@.venv/bin/ordergate demo $(if $(EVENTS),--events $(EVENTS))

test: prepare ## run all tests on a real broker, database and registry: make test ARGS="-k refund"
	@$(PYTHON_IN_VENV) -m pytest $(SIDE_BY_SIDE) $(ARGS)

test-long: prepare ## run the tests that take minutes each: repairs that wait for time-outs
	@$(PYTHON_IN_VENV) -m pytest -m long $(ARGS)

bench: prepare ## measure this machine: make bench ARGS="--help"
	@$(PYTHON_IN_VENV) -m bench $(ARGS)

bench-peers: prepare ## measure Ordergate beside other frameworks: make bench-peers ARGS="--help"
	@$(PYTHON_IN_VENV) -m bench.peers $(ARGS)

bench-growth: prepare ## measure what growing tables, histories and groups cost: make bench-growth ARGS="--help"
	@$(PYTHON_IN_VENV) -m bench.growth $(ARGS)

faults: prepare ## strike a real stack at work, then audit it: make faults SEEDS=200, or SEED=7 KIND=kill
	@$(PYTHON_IN_VENV) -m tests.faults $(if $(SEEDS),--seeds $(SEEDS) --results docs/proof) \
		$(if $(SEED),--seed $(SEED)) $(if $(KIND),--kind "$(KIND)") $(if $(LANES),--lanes $(LANES)) $(ARGS)

lint: prepare ## check style, format and types
	@failed=0; \
	for check in "ruff check" "ruff format --check" "mypy"; do \
		echo "$$check"; $(PYTHON_IN_VENV) -m $$check || failed=1; \
	done; \
	exit $$failed

format: prepare ## format the code and repair what can be repaired automatically
	$(PYTHON_IN_VENV) -m ruff check --fix
	$(PYTHON_IN_VENV) -m ruff format

docs: prepare ## write the parts of docs/ that come from the code
	@$(PYTHON_IN_VENV) docs/generate.py

clean: ## stop the local stack and remove everything that was made here, its data too
	@if [ -x $(PYTHON_IN_VENV) ]; then $(PYTHON_IN_VENV) -c "$$FORGET_STACKS"; fi
	rm -rf .venv .run build *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

define FORGET_STACKS
from pathlib import Path
from deploy.local.stack import Stack
for folder in Path(".run").glob("*/"):
    Stack(folder, environment={}).forget(print)
endef
export FORGET_STACKS
