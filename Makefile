# Commands of the project; `make help` lists them. The first one that needs an environment makes it in .venv,
# with the versions of constraints.txt, or with the newest ones: `make test CONSTRAINTS=`.

PYTHON ?= python3
CONSTRAINTS = -c constraints.txt
ifeq ($(OS),Windows_NT)
  BIN := .venv/Scripts
else
  BIN := .venv/bin
endif
export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PIP_NO_WARN_SCRIPT_LOCATION = 1

BROWSER = tests/test_javascript.py tests/test_pad.py tests/test_small_net.py tests/test_live.py tests/test_site.py tests/test_slider.py tests/test_trace.py tests/test_jupyterlab.py
TESTS = -m pytest -q -n 2 --dist loadfile tests $(BROWSER:%=--ignore=%)
OLD = $(subst .venv,.venv/oldest,$(BIN))
# The lowest versions that settings.ini admits; of these two what nbdev, which runs the tests, needs at least: readers do with less.
LOWEST = $(shell sed -n 's/^\(dev_\)*requirements = //p' settings.ini | sed 's/zizmor[^ ]*//; s/,<[^ ]*//g; s/>=/==/g; s/fastcore==[^ ]*/fastcore==2.2.28/; s/ipython==[^ ]*/ipython==8.3/')

.DEFAULT_GOAL := help
.PHONY: help run test oldest colab repeat lab site browser bench mutants save lock dist kit clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' Makefile

run: .venv/ready ## run the first page, the lessons and what goes deeper; the executed copies go to executed/
	@$(BIN)/python tools/run.py --lessons

test: .venv/ready ## run every notebook and all tests but the browser ones
	@$(BIN)/ruff check -q .
	@$(BIN)/python $(TESTS)

# What is saved in the notebooks was shown by the versions of constraints.txt; the errors that PyTorch raises have other names in an old one.
oldest: .venv/oldest/ready ## for authors: the same with the lowest versions that settings.ini admits, PYTHON=python3.10
	@$(OLD)/ruff check -q .
	@$(OLD)/python $(TESTS) -k "not shows_what_was_saved"

# PyTorch of Colab's list, or TORCH, such as TORCH=torch==2.13.0 where that is the one to be had.
colab: .venv/colab/ready ## for authors: run the lessons with the versions that Colab has, in a real kernel
	@cd nbs && for i in index.ipynb [0-9]*.ipynb; do echo "$$i"; PATH="../.venv/colab/bin:$$PATH" ../.venv/colab/bin/jupyter execute --timeout=600 "$$i" 2>../.venv/colab/log || { cat ../.venv/colab/log; exit 1; }; done; echo "All lessons ran with the versions of tools/colab.txt"

repeat: .venv/ready ## for authors: run the series N=10 times in a row; each time it must show what is saved
	@for i in $$(seq $(or $(N),10)); do $(BIN)/python -m pytest -q tests/test_notebooks.py -k "test_runs or shows_what_was_saved" || exit 1; done

lab: .venv/lab ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab nbs

site: .venv/site ## build the reading site in _site/
	@$(BIN)/python site/make.py

browser: .venv/site .venv/lab ## test the scripts, the site and JupyterLab, in node and Chromium
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile $(BROWSER)

bench: .venv/bench ## time the hand-written net beside torch.nn, JAX, NumPy and others
	@$(BIN)/python tools/bench.py

mutants: .venv/ready ## for authors: break the code in one place at a time; the report is tests/MUTANTS.md
	@$(BIN)/python tools/mutants.py

save: .venv/ready ## for authors: export, run, save the outputs in the notebooks, clean
	@$(BIN)/nbdev-export && $(BIN)/python tools/run.py --save && $(BIN)/nbdev-clean

lock: .venv/ready ## for authors: write constraints.txt anew, with the newest versions that fit
	@$(BIN)/python -m pip install -q uv
	@$(BIN)/python tools/lock.py

dist: .venv/dist ## for authors: build the sdist and the wheel in dist/, and try both as a user will
	@rm -rf dist build
	@$(BIN)/python -m build -q
	@$(BIN)/python -m twine check --strict dist/*
	@$(BIN)/python tools/smoke.py

kit: .venv/site .venv/otter ## for teachers: one zip in _kit/, with notebooks, site, wheel, a list of lessons and graders
	@$(BIN)/python tools/kit.py

clean: ## remove what these commands made
	rm -rf .venv executed _site _kit build dist *.egg-info .pytest_cache .hypothesis

# setup.py says which Python is old enough; asking first gives one line instead of a page.
.venv/ready: constraints.txt settings.ini setup.py pyproject.toml
	@$(PYTHON) tools/check_python.py
	@echo "Setting up .venv (once, about a minute)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q $(CONSTRAINTS) -e '.[dev]'
	@touch .venv/ready

.venv/oldest/ready: settings.ini setup.py
	@echo "Setting up .venv/oldest: $(LOWEST)"
	@$(PYTHON) -m venv .venv/oldest
	@$(OLD)/python -m pip install -q $(LOWEST)
	@$(OLD)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

.venv/colab/ready: tools/colab.txt settings.ini setup.py
	@$(PYTHON) -m venv .venv/colab
	@.venv/colab/bin/python -m pip install -q $(or $(TORCH),$(shell grep '^torch==' tools/colab.txt))
	@grep -v '^torch==' tools/colab.txt > .venv/colab/rest.txt
	@.venv/colab/bin/python -m pip install -q -r .venv/colab/rest.txt
	@.venv/colab/bin/python -m pip install -q --no-deps -e .
	@touch $@

# What only some commands need is added to .venv when one of them is first used.
.venv/lab .venv/site .venv/bench .venv/dist .venv/otter: .venv/%: .venv/ready
	@echo "Adding what make $* needs (once)"
	@$(BIN)/python -m pip install -q $(CONSTRAINTS) -e '.[$*]'
	@touch $@
