# Two commands do all: `make demo` and `make test`. Both set up .venv first and again only when the lock changes.
PYTHON ?= python3.11
BIN := .venv/bin
# torch comes first and by this exact version, so that no resolver reaches for the build with CUDA.
TORCH := torch==2.13.0
UV := uv==0.13.9
DEBIAN := chromium fonts-nanum
export ECOAI_REAL_DATA

.PHONY: setup s3 peers debian demo test test-full check bench ui lock clean

setup: .venv/.installed

.venv/.installed: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is not on the PATH; name a Python 3.11 with: make PYTHON=/path/to/python setup" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock $(TORCH) $(UV)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --requirement requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

s3: .venv/.s3

.venv/.s3: .venv/.installed requirements-s3.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --requirement requirements-s3.lock
	@touch $@

# The programs that `ecoai bench` and a few tests compare ours with. They run on our versions of what they ask for.
peers: .venv/.peers

.venv/.peers: .venv/.installed requirements-peers.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --requirement requirements-peers.lock
	@touch $@

# Some long tests use programs of Debian. What is missing is skipped and named, or fails where ECOAI_REQUIRE_ALL=1.
debian:
	@echo "For all of the long tests: apt-get install $(DEBIAN)"

demo: setup
	$(BIN)/ecoai demo

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check
	$(BIN)/pytest -n 2 --dist worksteal -m "not full and not benchmark"

test-full: debian check s3 peers
	$(BIN)/pytest -n 2 --dist worksteal -rs -m "not benchmark" --hypothesis-profile full

bench: setup peers
	$(BIN)/pytest -m benchmark --benchmark-columns=min,median,rounds
	$(BIN)/ecoai bench import
	$(BIN)/ecoai bench nightly --meters 40
	$(BIN)/ecoai bench ingest
	$(BIN)/ecoai bench metrics
	$(BIN)/ecoai bench dtw
	$(BIN)/ecoai bench detect
	$(BIN)/ecoai bench report

ui: setup
	$(BIN)/ecoai ui

# What torch brings along for CUDA stays out of the locks: the CPU build needs none of it.
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --no-annotate --no-header --extra test
lock: setup
	$(COMPILE) $(LOCKFLAGS) | grep -Ev '^(torch|triton|cuda-[a-z]+|nvidia-[a-z0-9-]+)==' > requirements.lock.new
	mv requirements.lock.new requirements.lock
	$(COMPILE) --extra s3 --constraint requirements.lock $(LOCKFLAGS) \
		| grep -Ev '^(torch|triton|cuda-[a-z]+|nvidia-[a-z0-9-]+)==' | grep -vxFf requirements.lock > requirements-s3.lock.new
	mv requirements-s3.lock.new requirements-s3.lock

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
