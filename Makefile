# Two commands do everything, set-up included: `make demo` and `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export MOLECULE_PROJECT_DIRECTORY := $(CURDIR)

CORE := default fleet limit_change
PYTHON_SOURCES := plugins files/sensor_service molecule tests tools

.PHONY: help setup engine images demo demo-down lint unit scenarios test test-all clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/ready ## Install what the controller needs, pinned, into .venv

.venv/ready: requirements.txt
	@tools/python -m venv .venv
	@echo "Installing Ansible and the test tools into .venv (about a minute)."
	@.venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

engine: setup
	@testbed/engine

images: engine ## Have base images and robots' operating systems in the local engine
	@testbed/base_images
	@testbed/robot_images

demo: images ## Create three robots on this machine, give them their stack, open their VMUI
	@ansible-playbook -i inventory/demo testbed/create.yml
	@ansible-playbook -i inventory/demo playbooks/site.yml
	@echo "Open in a browser (make demo-down removes it all):"
	@testbed/tunnels up inventory/demo

demo-down: setup ## Remove the demo's robots, tunnels and keys
	@testbed/engine
	@testbed/tunnels down inventory/demo
	@ansible-playbook -i inventory/demo testbed/destroy.yml

lint: setup ## ansible-lint (production), yamllint, ruff, mypy --strict
	ansible-lint --offline
	yamllint .
	ruff check .
	ruff format --check .
	mypy $(PYTHON_SOURCES)

unit: setup ## Unit tests
	pytest -q

scenarios: images
	@testbed/browser
	@tools/scenarios $(SCENARIOS)

test: ## Lint, unit tests and the core scenarios (under 30 minutes)
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory scenarios SCENARIOS="$(CORE)"

test-all: ## The same with every scenario
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory scenarios SCENARIOS="$(notdir $(patsubst %/molecule.yml,%,$(wildcard molecule/*/molecule.yml)))"

clean: ## Remove caches and build results (not the robots)
	rm -rf .cache .artifacts .mypy_cache .ruff_cache .pytest_cache
