.DEFAULT_GOAL := help
.PHONY: help install repro test lint bench

PYTHON ?= $(shell command -v python3.11 || command -v python3)
# the stages run as `python -m stages.NAME`, so that `python` has to be the environment's
export PATH := $(CURDIR)/.venv/bin:$(PATH)

help: ## print these targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: .venv/installed ## make .venv with the pinned requirements.txt

repro: install ## check the parameters, then run every stage that changed
	python -m stages.shared.params
	dvc repro

test: .venv/installed-dev ## run every test
	HF_HUB_OFFLINE=1 pytest --numprocesses 2 --dist loadfile

lint: .venv/installed-dev ## check style and parameters
	ruff check .
	ruff format --check .
	python -m stages.shared.params

bench: install ## run the benchmarks
	python -m benchmarks.repro
	python -m benchmarks.ingest

.venv/installed: requirements.txt
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt
	python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@
