# Two commands: `make demo` and `make test`. Both make .venv, install what they need once, and are quick after that.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help demo test format data clean

help:
	@echo "make demo   train MLE then SeqGAN on the bundled captions and compare them (about 5 minutes)"
	@echo "make test   ruff, mypy, pytest (about 5 minutes)"
	@echo "make format rewrite the code in the house style"
	@echo "make data   rebuild data/catworld from its seed"
	@echo "make clean  remove .venv, caches and runs/"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "seqgan-kit needs Python 3.11 or newer; say 'make PYTHON=python3.12 ...' to choose one" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# torch first and by itself, so that the pin decides and no other package's range can pull another build.
$(VENV)/.torch: constraints.txt | $(BIN)/python
	$(PIP) install -q -c constraints.txt torch
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.torch
	$(PIP) install -q -e . -c constraints.txt
	@touch $@

$(VENV)/.tested: pyproject.toml $(VENV)/.installed
	$(PIP) install -q -e '.[test]' -c constraints.txt
	@touch $@

demo: $(VENV)/.installed
	$(BIN)/python recipes/seqgan.py --out runs/demo --overwrite

test: $(VENV)/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist loadfile

format: $(VENV)/.tested
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

data: $(VENV)/.installed
	$(BIN)/python -m seqgan_kit.data.catworld.build data/catworld

clean:
	rm -rf $(VENV) runs .pytest_cache .mypy_cache .ruff_cache
