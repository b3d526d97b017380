# Commands of the project; `make help` lists them. The first one that needs an environment makes it in .venv.

PYTHON ?= python3
ifeq ($(OS),Windows_NT)
  BIN := .venv/Scripts
else
  BIN := .venv/bin
endif
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PIP_NO_WARN_SCRIPT_LOCATION = 1

.DEFAULT_GOAL := help
.PHONY: help run test lab save lock clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-6s %s\n", $$1, $$2}' Makefile

run: .venv/ready ## run every notebook; the executed copies go to executed/
	@$(BIN)/python tools/run.py

test: .venv/ready ## run every notebook and all tests
	@$(BIN)/python -m pytest -q tests

lab: .venv/ready ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab nbs

save: .venv/ready ## for authors: export, run, save the outputs in the notebooks, clean
	@$(BIN)/nbdev-export && $(BIN)/python tools/run.py --save && $(BIN)/nbdev-clean

lock: .venv/ready ## for authors: write constraints.txt anew, with the newest versions that fit
	@$(BIN)/python -m pip install -q uv
	@$(BIN)/python tools/lock.py

clean: ## remove what these commands made
	rm -rf .venv executed build dist *.egg-info .pytest_cache .hypothesis

# setup.py says which Python is old enough; asking first gives one line instead of a page.
.venv/ready: constraints.txt settings.ini setup.py pyproject.toml
	@$(PYTHON) tools/check_python.py
	@echo "Setting up .venv with the versions of constraints.txt (once, about a minute)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	@touch .venv/ready
