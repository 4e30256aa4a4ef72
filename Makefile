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
# A Linux PC without an NVIDIA driver takes the CPU build or none: the default one brings gigabytes of CUDA.
# Where pip's index has no CPU build, name one that has (PyTorch's site lists it): make TORCH_INDEX=... demo
TORCH_INDEX ?=
TORCH_PIN   := $(shell sed -n 's/^torch==//p' constraints.txt)
CPU_BUILD   := $(shell [ "$$(uname -sm)" = "Linux x86_64" ] && ! command -v nvidia-smi >/dev/null && echo +cpu)

$(VENV)/.torch: constraints.txt | $(BIN)/python
	$(PIP) install -q $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) torch==$(TORCH_PIN)$(CPU_BUILD) || \
	  { echo "pip's index has no torch $(TORCH_PIN)$(CPU_BUILD). Give one that has: make TORCH_INDEX=ADDRESS," >&2; \
	    echo "or take the default build, CUDA included: make CPU_BUILD=" >&2; exit 1; }
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
