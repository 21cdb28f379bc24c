.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
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

requirements:  ## Pin the newest compatible packages in requirements.txt (no hashes, no addresses).
	uv lock --upgrade
	uv export --quiet --no-hashes --no-header --no-annotate --no-emit-project --extra dev --output-file requirements.txt
	! grep -nE '://|index-url|@ file' requirements.txt

.PHONY: help install requirements
