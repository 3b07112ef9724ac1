# The environment is made once, and again when pyproject.toml changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 7860
# For `make train`: the texts to learn from (training/README.md) and where to work.
DATA ?= data
WORK ?= .training

.PHONY: chat test lint screenshots train clean

chat: $(VENV)/.installed
	$(BIN)/opcit index samples/documents
	$(BIN)/opcit chat --port $(PORT)

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

screenshots: $(VENV)/.installed-dev
	$(BIN)/python docs/screenshots.py

train: $(VENV)/.installed-dev
	$(BIN)/python -m training start --data $(DATA) --out $(WORK)
	$(BIN)/python -m training distil --data $(DATA) --out $(WORK)
	$(BIN)/python -m training refine --data $(DATA) --out $(WORK)
	$(BIN)/python -m training blend --out $(WORK)
	$(BIN)/python -m training measure $(WORK)/encoder --data $(DATA)

clean:
	rm -rf $(VENV) .opcit

$(BIN)/pip:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Opcit needs Python 3.11 or later; run make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/pip install --quiet --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/pip install --quiet --group lint --group test
	touch $@
