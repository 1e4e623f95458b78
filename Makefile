# Two commands for a machine that has only Python and pip:
#   make demo   measures the built-in beating-heart phantom (installs no torch)
#   make test   linting, types and all tests (installs torch: several GB)
# Each keeps its own virtual environment and installs into it only when pyproject.toml has changed.

PYTHON ?= python3
DEMO_VENV := .venv-demo
TEST_VENV := .venv-test
DEMO_OUT := demo
# What Qt needs to draw the panel without a screen. Without them the panel's tests are skipped and name them.
QT_LIBRARIES := libegl1 libgl1 libxkbcommon0 libdbus-1-3 libfontconfig1

.PHONY: demo test qt-libraries clean

demo: $(DEMO_VENV)/installed
	$(DEMO_VENV)/bin/cardiosam demo --out $(DEMO_OUT)

# One thread per worker: two workers of torch with two threads each get in each other's way (several times slower).
test: $(TEST_VENV)/installed qt-libraries
	$(TEST_VENV)/bin/ruff check .
	$(TEST_VENV)/bin/ruff format --check .
	$(TEST_VENV)/bin/mypy
	OMP_NUM_THREADS=1 $(TEST_VENV)/bin/pytest -n 2 --dist loadfile

$(DEMO_VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(DEMO_VENV)
	$(DEMO_VENV)/bin/python -m pip install --quiet --editable .
	touch $@

# torch and torchvision in one command: each release of torchvision needs its own torch.
$(TEST_VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(TEST_VENV)
	$(TEST_VENV)/bin/python -m pip install --quiet --editable '.[test]'
	touch $@

# Only where it may: as root, on a system with apt.
qt-libraries:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && ! dpkg --status $(QT_LIBRARIES) >/dev/null 2>&1; then \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $(QT_LIBRARIES); } \
	  >/dev/null || echo "Could not install $(QT_LIBRARIES); the panel's tests will be skipped."; \
	fi

clean:
	rm -rf $(DEMO_VENV) $(TEST_VENV) $(DEMO_OUT) build dist
