# Two commands for a machine that has only Python and pip:
#   make demo   measures the built-in beating-heart phantom (installs no torch)
#   make test   linting, types and all tests (installs torch: several GB)
# Each keeps its own virtual environment and installs into it only when pyproject.toml has changed.

PYTHON ?= python3
DEMO_VENV := .venv-demo
TEST_VENV := .venv-test
DEMO_OUT := demo

.PHONY: demo test clean

demo: $(DEMO_VENV)/installed
	$(DEMO_VENV)/bin/cardiosam demo --out $(DEMO_OUT)

test: $(TEST_VENV)/installed
	$(TEST_VENV)/bin/ruff check .
	$(TEST_VENV)/bin/ruff format --check .
	$(TEST_VENV)/bin/mypy
	$(TEST_VENV)/bin/pytest -n 2 --dist loadfile

$(DEMO_VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(DEMO_VENV)
	$(DEMO_VENV)/bin/python -m pip install --quiet --editable .
	touch $@

# torch and torchvision in one command: each release of torchvision needs its own torch.
$(TEST_VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(TEST_VENV)
	$(TEST_VENV)/bin/python -m pip install --quiet --editable '.[test]'
	touch $@

clean:
	rm -rf $(DEMO_VENV) $(TEST_VENV) $(DEMO_OUT) build dist
