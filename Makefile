# The environment is made once, and again when pyproject.toml changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 7860
# For `make train`: the texts to learn from (training/README.md) and where to work.
DATA ?= data
WORK ?= .training

# For `make bench`: more arguments, such as --data FILE (`python -m bench --help`).
BENCH ?=
SUPPLY := .cache/supply

.PHONY: chat test lint screenshots train reader bench lock locked audit clean

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

# With the encoder that lies in index/encoder; its layers for passages first.
reader: $(VENV)/.installed-dev
	$(BIN)/python -m training.passages $(DATA) $(WORK)/passages
	cp $(WORK)/passages/* index/encoder/passages
	$(BIN)/opcit index $(DATA)/corpora/wikinews-fr --index $(WORK)/index
	$(BIN)/python -m training.reading $(DATA) $(WORK)/index $(WORK)/reader
	cp $(WORK)/reader/* qa/reader
	$(BIN)/python -m training.reader $(DATA) $(WORK)/index

bench: $(VENV)/.installed
	$(BIN)/python -m bench $(BENCH)

# The versions that the tests ran with here, and the hashes of their files. Where wheels lie on the
# machine (PIP_FIND_LINKS), as those of PyTorch for processors alone may, they are taken from there.
lock: $(VENV)/.installed-dev $(SUPPLY)/.installed
	$(BIN)/pip freeze --exclude-editable >$(SUPPLY)/tested.txt
	UV_FIND_LINKS="$(PIP_FIND_LINKS)" $(SUPPLY)/bin/uv pip compile --quiet --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	  --python $(BIN)/python --constraint $(SUPPLY)/tested.txt \
	  --all-extras --group lint --group test --output-file requirements.lock pyproject.toml

# The environment made of these files and no others; pip must know where to find PyTorch's.
locked: | $(BIN)/pip
	$(BIN)/pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $(VENV)/.installed $(VENV)/.installed-dev

# Asks the registry's list of known vulnerabilities, so it needs the network.
audit: $(SUPPLY)/.installed
	$(SUPPLY)/bin/pip-audit --strict --disable-pip --require-hashes --requirement requirements.lock

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

$(SUPPLY)/.installed: pyproject.toml
	$(PYTHON) -m venv $(SUPPLY)
	$(SUPPLY)/bin/pip install --quiet --upgrade "pip>=25.1"
	$(SUPPLY)/bin/pip install --quiet --group supply
	touch $@
