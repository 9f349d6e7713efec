# `make` alone prints the menu. A target that needs the virtual environment makes it first.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip --disable-pip-version-check -qq
READY = $(VENV)/ready
DEPLOYED = $(VENV)-deployed/bin/python
FORWARDER = $(VENV)-forwarder/bin/python
TERRAFORM ?= terraform
CHECKOV = checkov==3.3.30
PIP_AUDIT = pip-audit==2.10.1
PYREQWEST = pyreqwest==0.15.1
EXTRAS = sql ldap smtp http2 postgresql cli lsp
UV = uv==0.13.9
LOCK = $(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock" $(UPGRADE)

# The tests start hundreds of processes; without bytecode each of them compiles the package anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SILENT:
.PHONY: help install demo run test slow lint check format lock clean \
	audit bench docs drain fuzz reference release soak terraform-check terraform-scan terraform-lock terraform-plan terraform-gate \
	terraform-apply smoke checkout

help: ## Print this menu
	awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	echo
	echo "  Another Python:  make test PYTHON=python3.13 VENV=.venv-3.13"

install: $(READY) ## Set up the virtual environment

demo: $(READY) ## Send the events of a subscriber's life through the function to an HLR/HSS
	$(BIN)/python -m connector_tools.cli demo

run: $(READY) ## Serve a mapping file with its external system and a page that shows each event (MAPPING=hss-ldap PORT=8080)
	$(BIN)/python -m connector_tools.cli inspect $(or $(MAPPING),wtl-hlr-hss) $(if $(PORT),--port $(PORT))

test: $(READY) ## Run the tests, four at a time, without the slow ones (ARGS=... goes to pytest)
	$(BIN)/python -m pytest -n 4 --dist worksteal --durations 15 -m "not slow" $(ARGS)

slow: $(READY) ## Run the slow tests, four at a time: Terraform, real databases, directories and SMS servers, long simulations (ARGS=...)
	$(BIN)/python -m pytest -n 4 --dist loadscope --no-loadscope-reorder --durations 40 -m slow $(ARGS)

release: $(READY) ## Check that version, changelog and tag agree, then build the packages (pushes nothing)
	$(BIN)/python -m connector_tools.release

audit: ## Look for known vulnerabilities of the dependencies (needs the internet)
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip --disable-pip-version-check -qq install $(PIP_AUDIT)
	.venv-audit/bin/pip-audit --require-hashes --disable-pip --strict \
		-r requirements.txt -r requirements-dev.txt

soak: $(READY) ## Run the long simulations: 100,000 events on each ledger, and a real osmo-hlr (three to four hours)
	mkdir -p build/soak
	for run in \
		"memory virtual --ledger memory --events 100000 --rate 0.2 --fault all --fault kill=0" \
		"sqlite virtual --ledger sqlite --events 100000 --instances 3" \
		"resources virtual --system hss --ledger sqlite --events 100000 --instances 3" \
		"sqlite-functions functions --ledger sqlite --events 100000 --instances 2 --fault all --fault kill=6" \
		"firestore-functions functions --ledger firestore --events 100000 --instances 2 --fault all --fault kill=6" \
		"postgresql-functions functions --ledger postgresql --events 100000 --instances 2 --fault all --fault kill=6" \
		"osmo-hlr mapping osmo-hlr --events 1000 --subscribers 80 --rate 0.3 --fault all --fault outage=4"; do \
		set -- $$run; name=$$1; what=$$2; shift 2; echo "== $$name"; \
		$(BIN)/python -m connector_tools.cli simulate $$what --subscribers 5000 --rate 1 $$@ \
			> build/soak/$$name.log || failed="$$failed $$name"; \
		tail -2 build/soak/$$name.log; \
	done; test -z "$$failed" || { echo "did not converge:$$failed (see build/soak)" >&2; exit 1; }

fuzz: $(READY) ## Fuzz the event parser, the expressions, the mapping loader and the reader of replies, fifty times as long as the tests do
	$(BIN)/python -m pytest --hypothesis-profile=fuzz \
		tests/mapping/test_fuzz.py tests/test_event_hostile.py tests/mapping/test_expression_text.py \
		tests/systems/http/test_differential.py

bench: $(READY) $(DEPLOYED) $(FORWARDER) ## Compare the speed with a bare forwarder and Node-RED (ARGS=--write; a quarter of an hour)
	$(BIN)/python -m benchmarks.speed --python $(DEPLOYED) --forwarder $(FORWARDER) $(ARGS)

drain: $(READY) ## Compute how long a burst takes to drain, and what events cost (ARGS=--write; some minutes)
	$(BIN)/python -m benchmarks.drain $(ARGS)

docs: $(READY) ## Build the documentation as a site with search in build/site (needs no network)
	$(BIN)/python -m connector_tools.site

reference: $(READY) ## Write the pages in docs/reference, and the light and dark form of each picture
	$(BIN)/python -m connector_tools.site --reference-only

lint: $(READY) ## Check format, style, types and floors
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

check: lint test ## Run the checks of CI: lint, then test

format: $(READY) ## Format the code, and correct what ruff can correct
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lock: ## Pin the dependencies again (UPGRADE=--upgrade uses the newest versions)
	echo "Setting up $(VENV)-lock"
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip --disable-pip-version-check -qq install $(UV)
	echo "Pinning the dependencies"
	$(LOCK) pyproject.toml --output-file requirements.txt
	for extra in $(EXTRAS); do \
		$(LOCK) pyproject.toml --extra $$extra --constraints requirements.txt \
			--output-file requirements/$$extra.txt || exit 1; \
	done
	$(LOCK) pyproject.toml $(addprefix --extra ,$(EXTRAS)) --group dev --group docs --constraints requirements.txt \
		--output-file requirements-dev.txt

terraform-check: $(READY) ## Check the Terraform code, and when its alerts fire (some minutes)
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/deployment/test_terraform*.py tests/deployment/test_alerts.py

terraform-scan: ## Scan the Terraform code for security faults
	$(PYTHON) -m venv .venv-checkov
	.venv-checkov/bin/python -m pip --disable-pip-version-check -qq install $(CHECKOV)
	.venv-checkov/bin/checkov --directory terraform --framework terraform \
		--var-file terraform/tests/everything.example.tfvars --compact --quiet

terraform-lock: ## Pin the providers for all platforms in terraform/.terraform.lock.hcl (needs the internet)
	$(TERRAFORM) -chdir=terraform providers lock \
		-platform=linux_amd64 -platform=linux_arm64 -platform=darwin_amd64 -platform=darwin_arm64

# Each environment has its own folder for Terraform's work, so a plan cannot meet the state of another one.
terraform-lock terraform-plan terraform-gate terraform-apply smoke: export TF_DATA_DIR ?= \
	$(if $(ENVIRONMENT),.terraform/$(ENVIRONMENT),.terraform)
PLAN = tfplan$(addprefix -,$(ENVIRONMENT))

terraform-plan: ## Plan the deployment (STATE_BUCKET=... ENVIRONMENT=dev, which reads environments/dev.tfvars)
	test -n "$(STATE_BUCKET)" || { echo "Name the state's bucket: STATE_BUCKET=..." >&2; exit 1; }
	test -f terraform/.terraform.lock.hcl || { \
		echo "The providers are not pinned: run make terraform-lock, and commit the lock file" >&2; exit 1; }
	$(TERRAFORM) -chdir=terraform init -input=false -lockfile=readonly -backend-config=bucket=$(STATE_BUCKET)
	$(TERRAFORM) -chdir=terraform plan -input=false -out=$(PLAN) \
		$(if $(ENVIRONMENT),-var-file=environments/$(ENVIRONMENT).tfvars)

terraform-gate: $(READY) ## Refuse a plan that would lose data
	mkdir -p build
	$(TERRAFORM) -chdir=terraform show -json $(PLAN) > build/$(PLAN).json
	$(BIN)/python terraform/gate.py build/$(PLAN).json

terraform-apply: terraform-gate ## Apply the plan of terraform-plan, if the gate lets it pass
	$(TERRAFORM) -chdir=terraform apply -input=false $(PLAN)

smoke: $(READY) ## Test the deployed connectors (CONNECTOR=... tests only one)
	$(BIN)/python terraform/smoke.py $(CONNECTOR)

checkout: ## Put another version into build/, to pin a connector to it (VERSION=v1.2.0)
	test -n "$(VERSION)" || { echo "Name a tag: VERSION=v1.2.0" >&2; exit 1; }
	git worktree add --detach build/$(VERSION) $(VERSION)

clean: ## Remove the virtual environments and all generated files
	rm -rf $(VENV) $(VENV)-lock $(VENV)-deployed $(VENV)-forwarder .venv-checkov .venv-audit build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache \
		.ruff_cache *.egg-info
	find connector connector_tools tests main.py -name __pycache__ -type d -prune -exec rm -rf {} +

# This file is written last, so an interrupted set-up is repeated.
$(READY): requirements.txt requirements-dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "This needs Python 3.11 or newer, and '$(PYTHON)' is not it." \
			"Name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	echo "Setting up $(VENV) (once, one to two minutes)"
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements.txt -r requirements-dev.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@

# An environment with only the packages of a deployment.
$(DEPLOYED): requirements.txt
	echo "Setting up $(VENV)-deployed"
	$(PYTHON) -m venv $(VENV)-deployed
	$(DEPLOYED) -m pip --disable-pip-version-check -qq install --require-hashes -r requirements.txt
	touch $@

# The same packages, and pyreqwest, whose connections the benchmark's bare forwarder uses.
$(FORWARDER): requirements.txt
	echo "Setting up $(VENV)-forwarder"
	$(PYTHON) -m venv $(VENV)-forwarder
	$(FORWARDER) -m pip --disable-pip-version-check -qq install --require-hashes -r requirements.txt
	$(FORWARDER) -m pip --disable-pip-version-check -qq install $(PYREQWEST)
	touch $@
