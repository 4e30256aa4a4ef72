# Two commands: `make demo` and `make test`. Both make .venv, install what they need once, and are quick after that.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help demo lint check test docs tables format data clean

help:
	@echo "make demo   train MLE then SeqGAN on the bundled captions and compare them (about 5 minutes)"
	@echo "make test   ruff, mypy, the documentation, pytest, and what depends on the processor as older ones too (about 6 minutes)"
	@echo "make check  ruff, mypy, and the tests that are quick and find most (about a minute)"
	@echo "make docs   build the documentation into build/site (under a minute)"
	@echo "make tables write the README's table of methods from the recipes"
	@echo "make format rewrite the code in the house style"
	@echo "make data   rebuild data/catworld from its seed"
	@echo "make clean  remove .venv, caches and runs/"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "seqgan-kit needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -V 2>&1 | tail -n 1):" \
	    "choose another one, as in 'make PYTHON=python3.12 demo'" >&2; exit 1; }
	@echo "make: a virtual environment in $(VENV), by $(PYTHON)"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }

# torch first and by itself, so that the pin decides and no other package's range can pull another build.
# A Linux PC without an NVIDIA driver gets the CPU build: from pip's index, from PyTorch's own indexes, which uv
# knows, and only where neither can be had the default build, gigabytes of CUDA included. All other machines get
# the default build. `make TORCH_INDEX=ADDRESS` adds an index of your own, `make CPU_BUILD=` prefers CUDA.
TORCH_INDEX ?=
TORCH_PIN   := $(shell sed -n 's/^torch==//p' constraints.txt)
CPU_BUILD   := $(shell [ "$$(uname -sm)" = "Linux x86_64" ] && ! command -v nvidia-smi >/dev/null && echo +cpu)
CUDA_SIZE   := $(shell [ "$$(uname -sm)" = "Linux x86_64" ] && echo ", about 2.7 GB to download with CUDA")
TORCH       := $(PIP) install $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) torch==$(TORCH_PIN)

cpu_build     = echo "make: torch $(TORCH_PIN)+cpu, the CPU build, from pip's index" && $(TORCH)+cpu -q
by_uv         = echo "make: torch $(TORCH_PIN) from PyTorch's own indexes, by uv" && $(PIP) install -q uv && \
                $(BIN)/python -m uv pip install -q --python $(BIN)/python --torch-backend=auto torch==$(TORCH_PIN)
default_build = echo "make: torch $(TORCH_PIN), the default build$(CUDA_SIZE), from pip's index" && $(TORCH)

$(VENV)/.torch: constraints.txt | $(BIN)/python
	@{ $(if $(CPU_BUILD),{ $(cpu_build); } || { $(by_uv); } || { $(default_build); },\
	  { $(default_build); } || { $(by_uv); }); } 2>$@.log || \
	  { cat $@.log >&2; echo "make: no way to torch $(TORCH_PIN) worked; the lines above say why. If the network is" \
	    "there, name an index that has it: make TORCH_INDEX=ADDRESS demo" >&2; exit 1; }
	@rm $@.log && touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.torch
	@echo "make: seqgan-kit and what it needs"
	@$(PIP) install -q -e . -c constraints.txt
	@touch $@

$(VENV)/.tested: pyproject.toml $(VENV)/.installed
	@echo "make: what the tests need"
	@$(PIP) install -q -e '.[test]' -c constraints.txt
	@touch $@

$(VENV)/.documented: pyproject.toml $(VENV)/.installed
	@echo "make: what the documentation needs"
	@$(PIP) install -q -e '.[docs]' -c constraints.txt
	@touch $@

demo: $(VENV)/.installed
	$(BIN)/python recipes/seqgan.py --out runs/demo --overwrite

# Rules of the house, mathematics, and every method's contract; nothing that starts processes or whole runs.
QUICK = tests/test_architecture.py tests/test_contracts.py tests/metrics tests/sequences/estimators \
  tests/sequences/discriminators tests/core/techniques tests/core/training tests/core/test_game.py \
  tests/core/test_objectives.py tests/core/test_penalties.py tests/core/test_optimizers.py

lint: $(VENV)/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint
	$(BIN)/python -m pytest -n 2 --dist loadfile -q $(QUICK)

test: lint docs
	$(BIN)/python -m pytest -n 2 --dist loadfile
	$(as_older_processors)

# Once more, in under a minute, what depends on the processor: as one without AVX-512, whose libraries have other
# kernels and lack some, and as one without vector instructions. Other architectures have no such switches.
NUMERICS = $(BIN)/python -m pytest -n 2 --dist loadfile -q $$(grep -rlF 'pytestmark = pytest.mark.numerics' tests)
as_older_processors = $(if $(filter x86_64 amd64,$(shell uname -m)),\
  ONEDNN_MAX_CPU_ISA=AVX2 ATEN_CPU_CAPABILITY=avx2 $(NUMERICS) && ATEN_CPU_CAPABILITY=default $(NUMERICS))

docs: $(VENV)/.documented
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

tables: $(VENV)/.installed
	$(BIN)/python docs/hooks/readme_table.py

format: $(VENV)/.tested
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

data: $(VENV)/.installed
	$(BIN)/python -m seqgan_kit.data.catworld.build data/catworld
	$(BIN)/python -m seqgan_kit.data.grammars.build_grammars data

clean:
	rm -rf $(VENV) runs .pytest_cache .mypy_cache .ruff_cache
