# Two commands: `make demo` shows the lab on the sample, `make test` proves it. The rest is for working on it.
# Without make (Windows) the same goes through `python -m pipelines ...`; see README.md.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test lab lint bench slow help

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

demo: $(STAMP)  ## every stage on the sample, then where the report is
	$(BIN)/python -m pipelines run demo

test: $(STAMP)  ## the tests (those marked slow are left to `make slow`)
	$(BIN)/python -m pipelines test

slow: $(STAMP)  ## the slow tests
	$(BIN)/python -m pipelines test --slow

lab: $(STAMP)  ## JupyterLab on the loopback address, with a token
	$(BIN)/python -m pipelines lab

lint: $(STAMP)  ## ruff, format, mypy, import contracts, notebook pairs, studies
	$(BIN)/python -m pipelines lint

bench: $(STAMP)  ## side-by-side benchmarks, written to reports/bench.json
	$(BIN)/python -m pipelines bench

$(STAMP): requirements.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $(STAMP)
