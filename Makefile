# make demo        the whole experiment on a laptop: models, tasks, pass rates, both trainings, the figure
# make check       lint and the fast tests, for every save
# make test        lint and all tests
# make figure      training_result.jpg and the table, from results/curves.csv
# make experiment  the runs behind results/: eleven settings, six seeds each (laptop, 5 to 9 hours)
# make faults      runs on the laptop survive 20 kills at random moments (half an hour)
# make bench       what a step of the selector costs, beside Trinity's own
# make lint        ruff: the rules, and whether the format is right; changes nothing
# make lock        requirements.txt and requirements-gpu.txt from their .in files (needs uv and the network)

PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: demo check test figure experiment lint faults bench lock

# Made again when the lock changes; a half-finished installation leaves no .venv/ready. pip compiles on
# one core, compileall on all; it fails on files that packages ship for newer Pythons.
.venv/ready: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile -r requirements.txt
	$(BIN)/python -m compileall -q -j 0 .venv/lib > .venv/compile.log || true
	$(BIN)/pip check
	touch $@

demo: .venv/ready
	$(BIN)/python -m laptop.demo

check: lint
	$(BIN)/python -m pytest -n 2 -m "not slow"

test: lint
	$(BIN)/python -m pytest -n 2

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

figure: .venv/ready
	$(BIN)/python plot_result.py results/curves.csv

experiment: .venv/ready
	$(BIN)/python -m laptop.compare
	$(MAKE) figure

faults: .venv/ready
	$(BIN)/python -m tests.training.faults

bench: .venv/ready
	$(BIN)/python -m tests.task_selection.benchmark

# torch's CUDA libraries are left out, see requirements.in
CUDA := cuda-bindings cuda-pathfinder cuda-toolkit triton nvidia-cublas nvidia-cuda-cupti nvidia-cuda-nvrtc \
  nvidia-cuda-runtime nvidia-cudnn-cu13 nvidia-cufft nvidia-cufile nvidia-curand nvidia-cusolver nvidia-cusparse \
  nvidia-cusparselt-cu13 nvidia-nccl-cu13 nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx
lock:
	uv pip compile requirements.in --output-file requirements.txt --python-version 3.11 --python-platform linux \
	  $(CUDA:%=--no-emit-package %) --custom-compile-command "make lock"
	uv pip compile requirements-gpu.in --override requirements-gpu.overrides --output-file requirements-gpu.txt \
	  --python-version 3.11 --python-platform x86_64-manylinux_2_28 --custom-compile-command "make lock"
