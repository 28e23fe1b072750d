# PDF Smaller. `make help` lists what there is; everything needed is installed into .venv by itself.
# Written for any make from 3.81 (macOS) and any POSIX shell.

VENV = .venv
PY = $(VENV)/bin/python
# What runs the local stack; see localstack/README.md.
LOCAL = PYTHONPATH=localstack $(PY) -m pdfsmaller_local
# Every version with its hashes, as `make lock` found them. What is published as source only is built with the locked
# tools of requirements/build.txt, not with whatever is newest. The locks are whole: nothing is looked for beside them.
PIP_INSTALL = -m pip install --quiet --disable-pip-version-check
LOCKED = $(PIP_INSTALL) --no-build-isolation --no-deps --require-hashes --requirement
UV_LOCK = $(SAM_VENV)/bin/uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 \
	--no-annotate --no-header
SERVICE_READY = $(VENV)/.ready-service
DEV_READY = $(VENV)/.ready-dev
SAM_VENV = .venv-sam
JUDGE_VENV = .venv-judge
SAM = SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1 $(SAM_VENV)/bin/sam
# The processor that a Lambda package is for: x86_64 or arm64.
ARCH = x86_64
# What `make judge` compresses with.
PRESET = ebook
BUILD_DIR = .aws-sam/build$(if $(filter arm64,$(ARCH)),-arm64)
PACKING = $(SAM_VENV)/bin/python -m layers.packing --arch $(ARCH)
PYTEST = $(PY) -m pytest
# One more than there are processors on a small machine: many tests wait for a process or a clock.
WORKERS_FOR_TESTS = 3

.DEFAULT_GOAL = help
.PHONY: help local up down status logs drop reset test test-all test-stack lint format docs judge validate build deploy lock clean

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile
	@echo
	@echo "  Settings go before or after: make local PORT=8081 EMULATOR_PORT=4567"

local: $(SERVICE_READY) ## Run the whole service here, in the foreground; Ctrl-C stops all of it
	@$(LOCAL) local

up: $(SERVICE_READY) ## The same in the background; returns once it is healthy
	@$(LOCAL) up

down: $(SERVICE_READY) ## Stop it; its data stays
	@$(LOCAL) down

status: $(SERVICE_READY) ## Show what runs and where
	@$(LOCAL) status

logs: $(SERVICE_READY) ## Follow the logs; Ctrl-C ends that
	@$(LOCAL) logs

drop: $(SERVICE_READY) ## Drop a PDF into the bucket, fetch the result: make drop FILE=a.pdf OPTIONS="preset=ebook"
	@$(LOCAL) drop "$(FILE)" $(OPTIONS)

reset: $(SERVICE_READY) ## Delete the local service's data
	@$(LOCAL) reset

test: lint ## Lint and the quick tests
	$(PYTEST) -m "not slow and not stack" -n $(WORKERS_FOR_TESTS) --dist worksteal --durations=25

test-all: lint ## Everything: the slow tests and the whole stack on an emulator too
	$(PYTEST) -m "not stack" -n $(WORKERS_FOR_TESTS)
	$(PYTEST) tests/stack

test-stack: $(DEV_READY) ## Only the tests of the whole stack; EMULATOR=external AWS_ENDPOINT_URL=… takes a running one
	$(PYTEST) tests/stack

lint: $(DEV_READY) ## Style, types, who imports whom, and the template
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m mypy --package layers.packing --package docs
	MYPYPATH=localstack $(PY) -m mypy --package pdfsmaller_local --package pdfsmaller_localstack
	PYTHONPATH=functions $(VENV)/bin/lint-imports --no-cache
	$(VENV)/bin/cfn-lint template.yaml

format: $(DEV_READY) ## Bring the code into the style that lint demands
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

docs: $(DEV_READY) ## Make anew what is made from the code: .env.example, the README's tables of options, docs/errors.md
	$(PY) -m docs.settings
	$(PY) -m docs.options
	$(PY) -m docs.errors

judge: $(JUDGE_VENV)/.ready ## Results before pdf.js, PDFBox and pyHanko: make judge FOLDER=pdfs PRESET=ebook
	@$(JUDGE_VENV)/bin/python -m benchmarks.judge --corpus "$(FOLDER)" --preset $(PRESET)

validate: $(SAM_VENV)/.ready ## Let the SAM command line check the template
	$(SAM) validate --lint --template template.yaml

build: $(SAM_VENV)/.ready ## Make what Lambda gets and show its size; ARCH=arm64 for that processor
	@mkdir -p .aws-sam
	@echo "Building for $(ARCH) into $(BUILD_DIR) …"
	@ARCH=$(ARCH) BUILD_PYTHON=$(abspath $(SAM_VENV))/bin/python $(SAM) build --build-dir $(BUILD_DIR) \
		--parameter-overrides Architecture=$(ARCH) >$(BUILD_DIR).log 2>&1 || { \
		grep -hom1 "error: .*" $(BUILD_DIR).log || echo "error: sam build failed → see $(BUILD_DIR).log"; exit 1; } >&2
	@grep "^note: " $(BUILD_DIR).log | sort -u
	@$(PACKING) finish $(BUILD_DIR)

deploy: build ## Build, then deploy to AWS; asks for what it needs to know
	SAM_CLI_TELEMETRY=0 $(SAM_VENV)/bin/sam deploy --guided --template-file $(BUILD_DIR)/template.yaml \
		--config-file $(CURDIR)/samconfig.toml

lock: $(SAM_VENV)/.ready ## Take the newest dependencies that are allowed into all locks
	@$(PACKING) lock
	@$(UV_LOCK) requirements/build.in -o requirements/build.txt
	@$(UV_LOCK) requirements/sam.in -c requirements/build.txt -o requirements/sam.txt
	@$(UV_LOCK) pyproject.toml --extra service --extra server --extra remote --extra emulator --extra dev -c requirements/build.txt -o requirements/dev.txt
	@$(UV_LOCK) pyproject.toml --extra service requirements/judge.in -c requirements/dev.txt -o requirements/judge.txt
	@cd benchmarks/judge && npm install --silent --package-lock-only
	@$(UV_LOCK) pyproject.toml --extra service --extra emulator -c requirements/dev.txt -o requirements/local.txt
	@$(UV_LOCK) pyproject.toml --extra server --extra s3 -c requirements/dev.txt -o requirements/server.txt

clean: ## Delete everything that was made here, the local service's data too
	@if [ -f .local/run/stack.json ] && [ -x $(PY) ]; then $(LOCAL) down; fi
	rm -rf $(VENV) $(SAM_VENV) $(JUDGE_VENV) .venv-localstack .local .aws-sam build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -rf shared/*.egg-info

# ---------------------------------------------------------------- environments
# A stamp file says that an environment is complete; one that is half built or older than its recipe is built again.

$(PY):
	@found=; \
	for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "error: no Python 3.11 or newer was found → install one, or name it: make local PYTHON=/path/to/python3" >&2; exit 1; \
	fi; \
	$$found -m venv --clear $(VENV) >/dev/null 2>&1 || { rm -rf $(VENV); \
		echo "error: $$found cannot make a virtual environment → install its venv package (Debian: apt install python3-venv)" >&2; exit 1; }

$(SERVICE_READY): $(PY) pyproject.toml requirements/build.txt requirements/local.txt
	@echo "Installing what the service needs into $(VENV) …"
	@$(PY) $(LOCKED) requirements/build.txt && $(PY) $(LOCKED) requirements/local.txt && \
		$(PY) $(PIP_INSTALL) --no-build-isolation --no-deps --editable . || { \
		echo "error: the installation failed → see above; with a network connection, run it again" >&2; exit 1; }
	@touch $(SERVICE_READY)

$(DEV_READY): $(PY) pyproject.toml requirements/build.txt requirements/dev.txt
	@echo "Installing what the tests need into $(VENV) …"
	@$(PY) $(LOCKED) requirements/build.txt && $(PY) $(LOCKED) requirements/dev.txt && \
		$(PY) $(PIP_INSTALL) --no-build-isolation --no-deps --editable . || { \
		echo "error: the installation failed → see above; with a network connection, run it again" >&2; exit 1; }
	@touch $(SERVICE_READY) $(DEV_READY)

# Its pins do not suit the others', so it has an environment of its own.
$(SAM_VENV)/.ready: $(PY) requirements/build.txt requirements/sam.txt
	@$(PY) -m venv --clear $(SAM_VENV)
	@$(SAM_VENV)/bin/python $(LOCKED) requirements/build.txt && $(SAM_VENV)/bin/python $(LOCKED) requirements/sam.txt || { \
		echo "error: the SAM command line was not installed → see above; with a network connection, run it again" >&2; exit 1; }
	@touch $(SAM_VENV)/.ready

# Judges and rivals have licences and pins of their own: nothing of this is in what is installed or shipped.
$(JUDGE_VENV)/.ready: $(PY) requirements/build.txt requirements/judge.txt benchmarks/judge/package-lock.json
	@command -v npm >/dev/null || { echo "error: npm was not found → Debian: apt install nodejs npm" >&2; exit 1; }
	@echo "Installing the judges into $(JUDGE_VENV) …"
	@$(PY) -m venv --clear $(JUDGE_VENV)
	@$(JUDGE_VENV)/bin/python $(LOCKED) requirements/build.txt && $(JUDGE_VENV)/bin/python $(LOCKED) requirements/judge.txt && \
		$(JUDGE_VENV)/bin/python $(PIP_INSTALL) --no-build-isolation --no-deps --editable . && \
		cp benchmarks/judge/package.json benchmarks/judge/package-lock.json $(JUDGE_VENV) && \
		npm ci --silent --prefix $(JUDGE_VENV) || { \
		echo "error: the judges were not installed → see above; with a network connection, run it again" >&2; exit 1; }
	@touch $(JUDGE_VENV)/.ready
