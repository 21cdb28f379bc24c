.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
PIN = $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.10 --no-header --no-annotate --extra dev pyproject.toml
export WANDB_SILENT ?= true

help:  ## List the targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# Which CUDA torch is built for: 12 works with every NVIDIA driver from 525 on, 13 from 580 on.
# What is installed stays where nothing is said; .venv/installed has it. Not from the environment,
# where clusters keep a folder under this name.
INSTALLED := $(shell cat .venv/installed 2> /dev/null)
CUDA := $(or $(lastword $(INSTALLED)),12)
ifeq ($(CUDA),12)
PINS := requirements.txt
else ifeq ($(CUDA),13)
PINS := requirements-cuda13.txt
else
$(error CUDA must be 12 or 13, got $(CUDA))
endif

ifneq ($(INSTALLED),CUDA $(CUDA))
.PHONY: .venv/installed
endif

.venv/installed: $(PINS) pyproject.toml
	@echo "installing vpnet and its packages into .venv for CUDA $(CUDA): about 6 GB, a few minutes (once)"
	@echo "1 of 4: an environment of $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv
	@echo "2 of 4: uv, which installs"
	@$(BIN)/python -m pip install --quiet uv
	@echo "3 of 4: the packages of $(PINS)"
	@$(BIN)/uv pip install --python $(BIN)/python -r $(PINS)
	@echo "4 of 4: vpnet itself"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@echo "CUDA $(CUDA)" > $@
	@echo "installed; $(BIN)/vpnet doctor says what works on this machine"

install: .venv/installed  ## Make .venv with the pinned packages (CUDA=13: the newest torch).

demo: install  ## Simulate recordings, train fusion on them, print the table, draw the picture.
	@echo "training fusion on simulated recordings: a few minutes on two cores"
	OMP_NUM_THREADS=1 $(BIN)/python train.py experiment=demo
	@echo "open runs/demo/overview.png"

test: install  ## Lint, type check and the fast tests.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses=logical --maxprocesses=4 --dist=loadscope --durations=10

test-slow: install  ## The tests that take longer than a few seconds.
	OMP_NUM_THREADS=1 $(BIN)/pytest -m slow --durations=10

faults: install  ## Plant faults in a copy of the code, and see that tests catch each of them.
	$(BIN)/python tests/planted_faults.py

bench: install  ## Windows and predictions per second on this machine.
	$(BIN)/python benchmarks/throughput.py

bench-check: install  ## Time and memory of checking a full simulated study (6 GB of disk).
	$(BIN)/python benchmarks/checking.py

bench-saliency: install  ## Frames per second of PAVER, and its memory, on made-up weights.
	$(BIN)/python benchmarks/saliency.py

bench-sharing: install  ## Windows per second of star_vp, where windows share maps (real recordings).
	$(BIN)/python benchmarks/sharing.py $${VPNET_SHARED:-../shared}

bench-grouping: install  ## Which grouping lowers star_vp's validation error soonest (real recordings).
	$(BIN)/python benchmarks/grouping.py $${VPNET_SHARED:-../shared}

format: install  ## Format the code.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

conf: install  ## Write keys and comments of conf/ from the signatures that declare them.
	$(BIN)/python -m vpnet.cli.config_files

result-tables: install  ## Write the tables of README.md and docs/RESULTS.md from docs/results/*.csv.
	$(BIN)/python benchmarks/result_tables.py

requirements: install  ## Pin the newest compatible packages, for CUDA 12 and for CUDA 13.
	$(PIN) --extra cuda12 --output-file requirements.txt
	$(PIN) --extra cuda13 --output-file requirements-cuda13.txt
	! grep -nE '://|index-url|@ file' requirements.txt requirements-cuda13.txt

.PHONY: help install demo test test-slow faults bench bench-check bench-saliency bench-sharing bench-grouping format conf result-tables requirements
