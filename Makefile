# Thin: each target fetches what it needs itself (scripts/bootstrap.sh) and calls one program.
SHELL := /bin/bash
BUN := .tools/node_modules/.bin/bun
TOOLS := .tools/.ready
MODULES := node_modules/.ready

.PHONY: build check test demo bench bench-feed bench-data-plane cluster-up cluster-down clean

$(TOOLS): scripts/bootstrap.sh package.json
	@bash scripts/bootstrap.sh

$(MODULES): $(TOOLS) package.json bun.lock
	@$(BUN) install --frozen-lockfile --silent && touch $@

build: $(MODULES)
	@$(BUN) scripts/build.ts

check: $(MODULES)
	@$(BUN) scripts/check.ts

test: $(MODULES)
	@$(BUN) scripts/test.ts

# CONTEXT=NAME runs it on that cluster instead of the test cluster.
demo: build
	@$(BUN) scripts/demo.ts $(if $(CONTEXT),--context $(CONTEXT))

bench: build
	@$(BUN) bench/main.ts

# The route feed of 1,000 spaces and 5,000 sidecars; fills a test cluster of its own, which is removed afterwards.
bench-feed: build
	@AZDS_TEST_STATE=.cluster-feed $(BUN) bench/feed/main.ts; code=$$?; \
	$(BUN) tests/cluster/main.ts down --state .cluster-feed; exit $$code

# The sidecar beside other proxies; OPTIONS=--quick for a short form.
bench-data-plane: $(MODULES)
	@$(BUN) bench/data-plane/main.ts $(OPTIONS)

# Proofs that are too long for `make test`; scripts/prove.ts names them.
prove-%: $(MODULES)
	@$(BUN) scripts/prove.ts $*

cluster-up: $(MODULES)
	@$(BUN) tests/cluster/main.ts up $(if $(NODES),--nodes $(NODES))

cluster-down: $(MODULES)
	@$(BUN) tests/cluster/main.ts down

clean: cluster-down
	@rm -rf dist .cluster
