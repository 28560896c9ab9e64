# Each target first makes .venv/ when there is none, and renews it when the pinned versions change.

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt

.PHONY: explore lab test bench browser pictures

explore: .venv/.ready
	$(BIN)/graphbits explore

lab: .venv/.ready
	$(BIN)/graphbits explore --lab

# The browser tests come last and alone: they measure how fast a page answers. Many tests wait for
# other processes, which a busy machine may keep waiting: what fails beside others is asked once more.
AGAIN := --last-failed --last-failed-no-failures none --verbose
test: .venv/.ready-test browser
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist loadfile -m "not browser" \
	  || { [ $$? = 1 ] && $(BIN)/pytest $(AGAIN) -m "not browser"; }
	$(BIN)/pytest -m browser || { [ $$? = 1 ] && $(BIN)/pytest $(AGAIN) -m browser; }

bench: .venv/.ready
	$(BIN)/graphbits bench training
	$(BIN)/graphbits bench preview
	$(BIN)/graphbits bench inference

pictures: .venv/.ready-test browser
	$(BIN)/python -m assets.pictures

.venv/.ready: pyproject.toml constraints.txt
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { \
	  echo "graphbits needs Python 3.11 or newer. Name one: make PYTHON=/path/to/python"; exit 1; }
	@echo "Installing into .venv/, and nowhere else: PyTorch and PyTorch Geometric for training, Numba for the"
	@echo "integer path, JupyterLab, Voila and Plotly for the explorer, and what these need. With PyTorch's CPU"
	@echo "build 1.7 GB on disk; several GB more where pip finds only its CUDA build. It takes some minutes."
	@$(PYTHON) -m venv .venv || { \
	  echo "Python could not make a virtual environment. On Debian: apt-get install python3-venv"; exit 1; }
	$(INSTALL) torch
	$(INSTALL) -e .
	@du -sh .venv
	@touch $@

.venv/.ready-test: .venv/.ready
	@echo "Adding the test tools to .venv/: pytest, Hypothesis, Ruff, mypy, Playwright. 0.3 GB more."
	$(INSTALL) -e ".[test]"
	@touch $@

browser:
	@command -v chromium >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "Installing Debian's Chromium for the browser tests, about 0.5 GB."; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
	      --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	  else \
	    echo "The browser tests need a chromium command. On Debian: sudo apt-get install chromium"; exit 1; \
	  fi; }
