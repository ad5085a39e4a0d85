# Every target does its own set-up: Node 20.20 or newer and npm are all that must be there.
.PHONY: help build demo demo-kvm test bench soak lint format clean
.DEFAULT_GOAL := help

BIN := node_modules/.bin
INSTALLED := node_modules/.package-lock.json

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: $(INSTALLED) ## compile; leaves a working bin/headroom
	$(BIN)/tsc -b src/cli
	node scripts/bundle-start.mjs
	$(BIN)/vite build --config web/vite.config.ts --logLevel warn

demo: build ## a scheduler and six simulated hosts: an hour of VMs in a minute, a host fails and comes back
	bin/headroom demo --open

demo-kvm: build ## one host with a few real guests on libvirt and QEMU (root on Debian or Ubuntu installs them)
	node scripts/lab-packages.mjs
	node --import tsx scripts/demo-kvm.ts

test: $(INSTALLED) ## build, lint, every test; what this machine cannot run is skipped by name
	node scripts/test.mjs

bench: $(INSTALLED) ## the benchmarks, with baselines (ONLY="part of a name" for some)
	node scripts/bench.mjs $(ONLY)

SEEDS ?= 1000
soak: $(INSTALLED) ## simulated clusters with faults, promises checked after every event (SEEDS=1000, at low priority)
	HEADROOM_SOAK_SEEDS=$(SEEDS) nice -n 19 node --import tsx --test --test-timeout=0 test/simulator/promises.test.ts

lint: $(INSTALLED) ## check lint rules and format
	$(BIN)/biome check --error-on-warnings .

format: $(INSTALLED) ## rewrite to the format
	$(BIN)/biome check --write .

clean: ## remove what was built and installed
	rm -rf dist node_modules .cache

$(INSTALLED): package.json package-lock.json
	npm ci --no-audit --no-fund
	@touch $@
