.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
PIN = $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.10 --no-header --no-annotate --extra dev pyproject.toml
export WANDB_SILENT ?= true

help:  ## List the targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.venv/installed: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

install: .venv/installed  ## Make .venv with the pinned packages (done by itself when needed).

demo: install  ## Simulate recordings, train fusion on them, print the table, draw the picture.
	OMP_NUM_THREADS=1 $(BIN)/python train.py experiment=demo
	@echo "open runs/demo/overview.png"

test: install  ## Lint, type check and the fast tests.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses=logical --maxprocesses=4 --dist=loadfile --durations=10

test-slow: install  ## The tests that take longer than a few seconds.
	OMP_NUM_THREADS=1 $(BIN)/pytest -m slow --durations=10

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

requirements: install  ## Pin the newest compatible packages, for CUDA 12 and for CUDA 13.
	$(PIN) --extra cuda12 --output-file requirements.txt
	$(PIN) --extra cuda13 --output-file requirements-cuda13.txt
	! grep -nE '://|index-url|@ file' requirements.txt requirements-cuda13.txt

.PHONY: help install demo test test-slow bench bench-check bench-saliency bench-sharing bench-grouping format conf requirements
