# Two commands do everything, set-up included: `make demo` and `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export MOLECULE_PROJECT_DIRECTORY := $(CURDIR)
# Some hundred processes of Ansible read the same modules: what Python has compiled is kept, as it is by default.
unexport PYTHONDONTWRITEBYTECODE

COLLECTION := .collections/ansible_collections/robotfleet/stack
# The collection's own code is read by the name that Ansible gives it.
PYTHON_SOURCES := $(COLLECTION)/plugins files/sensor_service molecule tests tools benchmarks testbed

.PHONY: help setup engine images browser demo demo-down lint unit unit-matrix scenarios test test-all clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 22

setup: .venv/ready $(COLLECTION) ## Install what the controller needs, pinned, into .venv

# This folder, where Ansible looks for the collection robotfleet.stack (ansible.cfg).
$(COLLECTION):
	@mkdir -p $(@D)
	@ln -sfn ../../.. $@

.venv/ready: requirements.txt
	@tools/python -m venv --clear .venv
	@echo "Installing Ansible and the test tools into .venv (about a minute)."
	@.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@# Tests, tools and benchmarks import the collection by its name, as Ansible does.
	@echo "$(CURDIR)/.collections" >"$$(echo .venv/lib/python3.*/site-packages)/robotfleet.stack.pth"
	@touch $@

.PHONY: lock
lock: ## Lock the Python packages with their hashes, after a change of requirements.in
	@tools/python tools/lock.py $(LOCK_OPTIONS)

engine: setup ## Ansible in .venv, and a container engine where there is none
	@testbed/engine

images: engine ## Have base images and robots' operating systems in the local engine
	@testbed/base_images
	@testbed/robot_images

# HUB=1: the robots send to a hub as well. What its inventory says of them is read after what theirs says.
# ROBOTS=machine: one robot, which is a virtual machine, in place of three containers.
DEMO := $(if $(filter machine,$(ROBOTS)),inventory/demo_machine,inventory/demo $(if $(filter 1,$(HUB)),inventory/demo_hub))
ifneq (,$(filter demo,$(MAKECMDGOALS)))
ifneq (,$(filter-out 0 1,$(HUB)))
$(error HUB is $(HUB): "make demo HUB=1" makes a hub as well, "make demo" makes none)
endif
ifneq (,$(filter-out containers machine,$(ROBOTS)))
$(error ROBOTS is $(ROBOTS): "make demo ROBOTS=machine" makes one virtual machine, "make demo" makes three containers)
endif
ifeq (1 machine,$(HUB) $(ROBOTS))
$(error A virtual machine does not reach the demo's hub: either HUB=1 or ROBOTS=machine)
endif
endif

demo: images ## Create three robots on this machine, give them their stack, open their VMUI (HUB=1: and a hub's; ROBOTS=machine: of one virtual machine)
	@ansible-playbook $(addprefix -i ,$(DEMO)) testbed/create.yml
	@$(if $(filter 1,$(HUB)),ansible-playbook $(addprefix -i ,$(DEMO)) playbooks/hub.yml)
	@ansible-playbook $(addprefix -i ,$(DEMO)) playbooks/site.yml
	@echo "Open in a browser (make demo-down removes it all):"
	@testbed/tunnels up $(DEMO)

demo-down: setup ## Remove the demo's robots, its hub, tunnels and keys
	@testbed/engine
	@testbed/tunnels down inventory/demo inventory/demo_hub
	@ansible-playbook -i inventory/demo -i inventory/demo_hub testbed/destroy.yml
	@testbed/tunnels down inventory/demo_machine
	@ansible-playbook -i inventory/demo_machine testbed/destroy.yml

lint: setup ## ansible-lint (production), yamllint, ruff, mypy --strict
	ansible-lint --offline
	yamllint .
	ruff check .
	ruff format --check .
	mypy $(PYTHON_SOURCES)

# Folders whose tests run playbooks take half of the time: the two parts run side by side in `make test` (tools/runner).
PLAYBOOK_TESTS := tests/field tests/install tests/roles tests/waves
TESTS_OF_playbooks := $(PLAYBOOK_TESTS)
TESTS_OF_modules := $(PLAYBOOK_TESTS:%=--ignore=%)
unit: images ## Unit tests (PART=playbooks or PART=modules: a half of them)
	@$(if $(PART),$(if $(TESTS_OF_$(PART)),,$(error PART is $(PART): there are playbooks and modules)))
	@testbed/promtool
	@testbed/age
	@testbed/node_exporter
	pytest -q $(TESTS_OF_$(PART))

unit-matrix: images ## The same under the oldest and the newest Python and ansible-core that this machine allows
	@testbed/promtool
	@testbed/age
	@testbed/node_exporter
	@tools/python -m tools.unit_matrix

.PHONY: sanity release
sanity: setup ## ansible-test sanity, on the collection as it is built
	@tools/sanity.py

release: setup ## Build the collection into dist/, and check it by installing it; commit CHANGELOG.md afterwards
	@tools/release.py

browser:
	@testbed/browser

scenarios: images browser ## Run some scenarios: SCENARIOS="guardrail thrash", or all (TIMES=3 LOAD=2: each three times, beside two busy processes)
	@python -m tools.runner scenarios $(SCENARIOS) $(if $(TIMES),--times $(TIMES)) $(if $(LOAD),--load $(LOAD))

test: engine ## Linters, unit tests and the core scenarios (15 to 25 minutes)
	@python -m tools.runner core

test-all: engine ## The same with attacks and every scenario; says where the time goes
	@python -m tools.runner all

# What attacks root and the controller through their own programs is a unit test, too; some of it only as root.
ATTACKS := tests/attacks tests/robot_stack/test_links.py tests/robot_stack/test_lock.py \
  tests/gate/test_declared_needs.py tests/answers/test_backups.py tests/answers/test_terminal.py
.PHONY: attacks
attacks: images browser ## Attack what the product protects, on loopback and bounded, and see it hold; and without its protection, and see it fall
	@$(AS_ROOT) env PATH="$(PATH)" .venv/bin/pytest -q -o python_files='attack_*.py' $(ATTACKS)

.PHONY: protections
protections: images ## Take what protects robots out, one after the other, and see each scenario and attack turn red
	@tools/protections.py $(SCENARIOS)

# Needs root: images are dropped from the page cache, and another user's PSS is root's to read.
AS_ROOT := $(if $(filter-out 0,$(shell id -u)),sudo)
.PHONY: benchmark benchmark-floors benchmark-past benchmark-hub benchmark-provision benchmark-growth benchmark-robot benchmark-setup

benchmark-setup: images
	@benchmarks/standard_stack/images

benchmark: benchmark-setup ## Standard stack against edge stack, on this machine, into docs/benchmark.md
	@$(AS_ROOT) .venv/bin/python -m benchmarks.floors --only prometheus
	@$(AS_ROOT) .venv/bin/python -m benchmarks.compare
	@python -m benchmarks.report

benchmark-hub: images ## What a robot costs the hub: fleets of several sizes, one host and three, into docs/scale.md
	@testbed/cluster_images || [ $$? -eq 77 ]
	@$(AS_ROOT) .venv/bin/python -m benchmarks.hub
	@python -m benchmarks.report

benchmark-provision: images .cache/pyinfra/ready ## A run without changes, against a usual role, pyinfra and a script
	@python -m benchmarks.provision; result=$$?; python -m benchmarks.report && exit $$result

benchmark-growth: images .cache/pyinfra/ready ## How that grows with the fleet, as root: up to 512 light robots, into docs/scale.md
	@$(AS_ROOT) .venv/bin/python -m benchmarks.growth
	@python -m benchmarks.report

benchmark-robot: engine ## The memory of a whole robot with each engine, and of others' stacks (hours; in pieces: ROBOTS=podman,docker)
	@testbed/base_images
	@python -m benchmarks.whole_robot $(if $(NEW),--new) $(if $(LOOKS),--looks $(LOOKS)) $(ROBOTS); result=$$?; \
	  python -m benchmarks.report && exit $$result

.cache/pyinfra/ready: benchmarks/provision/requirements.txt
	@tools/python -m venv .cache/pyinfra
	@.cache/pyinfra/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

benchmark-floors: benchmark-setup ## The smallest limits in which the services still serve
	@$(AS_ROOT) .venv/bin/python -m benchmarks.floors
	@python -m benchmarks.report

benchmark-past: benchmark-setup ## The same of VictoriaMetrics with a month and with three behind it (hours, on a machine that does nothing else)
	@$(AS_ROOT) .venv/bin/python -m benchmarks.floors --only victoriametrics --past-days 30 --past-days 90 \
	  --churn robots --churn benchmark
	@python -m benchmarks.report

clean: ## Remove caches and build results (not the robots)
	rm -rf .cache .artifacts dist .hypothesis .mypy_cache .ruff_cache .pytest_cache
