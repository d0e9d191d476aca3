# The two commands of a new user are `make demo` and `make test`; each sets up what is missing.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: venv demo kernels test coverage lint docs bench screenshots display clean

venv: $(INSTALLED)

# Of an editable installation setuptools warns each time that it is one.
$(INSTALLED): export PYTHONWARNINGS = ignore:Editable installation
$(INSTALLED): setup.cfg pyproject.toml weights/setup.cfg constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt pip setuptools wheel
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation \
	  --editable '.[testing,lint,weights]' --editable ./weights
	touch $@

# Napari needs OpenGL and X11 libraries even without a screen.
display:
	@sh .ci/display

demo: venv display
	$(BIN)/napari-mrf demo --output demo_output --overwrite

# Two processes that take file by file, each with a screen of its own; first without Qt, then with.
# Threads of torch that wait for each other while they spin would take the other process's core.
# Without compiled files of Python each process, and the many that tests start, compiles all anew.
PYTEST := OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# Both processes would compile the same code at the same time: here each compiles its half for both.
COMPILE = "from napari_mrf.plugin.preparation.kernels import TASKS; [t.work() for t in TASKS[$(1)]]"

kernels: venv display
	$(BIN)/python -c $(call COMPILE,:-1) & $(BIN)/python -c $(call COMPILE,-1:); wait

test: venv display kernels
	$(PYTEST) -m "not window"
	$(PYTEST) -m window

coverage: venv display kernels
	$(PYTEST) -m "not window" --cov --cov-report=
	$(PYTEST) -m window --cov --cov-append --cov-report=term --cov-report=html

lint: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/typos
	$(BIN)/validate-pyproject pyproject.toml
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/npe2 validate napari_mrf/napari.yaml

docs: venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation --editable '.[docs]'
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

bench: venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation --editable '.[bench]'
	for script in benchmarks/bench_*.py; do $(BIN)/python $$script || exit 1; done

screenshots: venv display
	for script in docs/screenshots*.py; do \
	  xvfb-run -a -s "-screen 0 1600x1000x24" $(BIN)/python $$script || exit 1; \
	done

clean:
	rm -rf $(VENV) build dist *.egg-info weights/build weights/*.egg-info demo_output docs/_build docs/_api htmlcov .coverage*
