# The modules are those of go.work; nothing here lists them.
SHELL   := /bin/bash -o pipefail
MODULES  = $(or $(shell go list -m -f '{{.Dir}}'),$(error go list finds no module))

# Tools run at these versions and appear in no go.mod.
LINT        := $(CURDIR)/bin/golangci-lint-v2.15.0
ACTIONLINT  := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.8.0

# For a narrower or longer run: make test TESTFLAGS='-run TestMemory -v'.
# The one that takes longest begins first, and beside it the one that waits most, for its disk.
PACKAGES  ?= ./conformance/stores ./store-file work
TESTFLAGS ?= -timeout 80m
FUZZTIME  ?= 1m
EXECS     ?= 4000000
ROUNDS    ?= 5
BENCHTIME ?= 0.3s
BENCH     ?= Request
SIZES     ?= 10000,100000
BACKENDS  ?= memory,file,redis,postgres,sqlite,mysql,mongo,memcached
SEEDS     ?= 10000
RACES     ?= 10000
LOGINS    ?= 200
TORTURE   ?= 8m
KILLS     ?= 100000
CUTS      ?= 10000
# A folder or URL that holds the vulnerability database; empty for the public one.
VULNDB    ?=

# each runs a command in the folder of every module, as its users see it: without
# the workspace. It goes on after a failure, and fails in the end.
each = status=0; for dir in $(MODULES); do \
	echo "--- $${dir\#$(CURDIR)/}"; (cd "$$dir" && GOWORK=off $(1)) || status=1; done; exit $$status

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Run the demo shop on http://127.0.0.1:8080
	go run ./examples/demo

.PHONY: quick
quick: ## Run the tests that need no server and no browser
	@scripts/quick.sh $(PACKAGES)

# make lint does what vet does, and linking what a debugger needs would take a while. The
# race detector holds up the end of each process by a second, for races of goroutines that
# are left: most packages fail if there are any, and a tenth is enough for the rest.
.PHONY: test
test: ## Run all tests with the race detector, and say how each store conforms
	@scripts/needs.sh
	@env=$$(scripts/servers.sh && scripts/browser.sh) && eval "$$env" && \
	{ GORACE="atexit_sleep_ms=100 $$GORACE" go test -race -count=1 -vet=off -ldflags=-w $(TESTFLAGS) -json $(PACKAGES); status=$$?; \
	go test -count=1 -vet=off -ldflags=-w -json ./core/session/internal/costs && (exit $$status); } | go run ./conformance/stores/report

.PHONY: simulate
simulate: ## Let visitors, servers, faults and lost answers loose on sessions, in SEEDS runs
	cd core && go test -count=1 -timeout 0 -run '^TestSimulation' ./session/internal/simulate -seeds $(SEEDS)

.PHONY: simulate-faults
simulate-faults: ## Undo each promise of sessions in turn, and see that the simulation finds it
	cd core && go test -count=1 -timeout 0 -v -run '^TestPlantedFaults' ./session/internal/simulate -plant

.PHONY: races
races: ## End sessions of every store while they move, RACES times; sign in LOGINS times beside a tab that polls
	@scripts/needs.sh
	@env=$$(scripts/servers.sh && scripts/browser.sh) && eval "$$env" && \
	CLOAKROOM_ROUNDS=$(RACES) go test -count=1 -timeout 0 -v -run '^TestNothingThatMovesSurvivesItsEnd$$' ./conformance/stores && \
	CLOAKROOM_ROUNDS=$(LOGINS) go test -count=1 -timeout 0 -v -run '^TestATabThatPollsLosesNoLogin$$' ./conformance/stores/shop

.PHONY: torture
torture: ## Let visitors loose on every store while it fails, TORTURE long each; KILLS processes, and CUTS power cuts, on files
	@scripts/needs.sh
	@env=$$(scripts/servers.sh) && eval "$$env" && \
	CLOAKROOM_TORTURE=$(TORTURE) go test -count=1 -timeout 0 -v -run '^TestTorture$$|^TestPlantedBugs' ./conformance/stores/torture && \
	CLOAKROOM_KILLS=$(KILLS) go test -count=1 -timeout 0 -v -run '^TestKilledProcessesLoseNothingAcknowledged$$' ./store-file && \
	CLOAKROOM_CUTS=$(CUTS) go test -count=1 -timeout 0 -v -run '^TestFilePowerCut$$' ./conformance/stores

.PHONY: screenshots
screenshots: ## Take pictures of every page of the demo shop, into screenshots/
	@rm -rf screenshots
	@env=$$(scripts/browser.sh) && eval "$$env" && CLOAKROOM_REQUIRE=browser \
	go test -count=1 -run '^TestEveryPage' ./conformance/stores/shop -pictures $(CURDIR)/screenshots

.PHONY: cover
cover: ## Measure how much of each package all tests reach; line by line in coverage/
	@scripts/needs.sh
	@rm -rf coverage && mkdir -p coverage/data
	env=$$(scripts/servers.sh && scripts/browser.sh) && eval "$$env" && \
	go test -count=1 $(TESTFLAGS) -coverpkg=work $(PACKAGES) -args -test.gocoverdir=$(CURDIR)/coverage/data >coverage/tests.txt || \
		{ cat coverage/tests.txt; exit 1; }
	@go tool covdata textfmt -i=coverage/data -o=coverage/profile.txt
	@go tool cover -html=coverage/profile.txt -o=coverage/index.html
	@go tool covdata percent -i=coverage/data

.PHONY: ci
ci: ## Run what the workflows run, on the servers that are here
	@$(MAKE) --no-print-directory lint release-check
	@scripts/ci.sh modules && scripts/ci.sh unit && scripts/ci.sh matrix
	@$(MAKE) --no-print-directory vuln

.PHONY: release
release: ## Prepare a release: MODULE=core, or all, and VERSION=v0.1.0; DRY=-n changes nothing
	@go run ./conformance/stores/release -module "$(MODULE)" -version "$(VERSION)" $(DRY)

.PHONY: release-check
release-check: ## Build each published module as its consumers will
	@go run ./conformance/stores/release -check

# Three tests run the go command, for which there is no Go under Wine.
.PHONY: wine
wine: ## Run the tests of core, store-file and the command for Windows, under Wine
	@scripts/wine.sh -short -skip='^Test(PlantedFaults(AreFound|Fit)|SimulationWithClocksApart)$$' ./core/... ./store-file ./cmd/cloakroom/...

.PHONY: vet
vet: ## Look at all modules as Linux, macOS and Windows build them
	@for GOOS in linux darwin windows; do export GOOS CGO_ENABLED=0; echo "=== $$GOOS"; ( $(call each,go vet ./...) ) || exit; done

# fuzz runs a command for each fuzz target, whose package and name it has as $$package and $$target.
fuzz = go test -list '^Fuzz' $(PACKAGES) | \
	awk '/^Fuzz/ { targets[n++] = $$1 } /^ok/ { for (i = 0; i < n; i++) print $$2, targets[i]; n = 0 }' | \
	{ status=0; while read -r package target; do echo "--- $$target"; ( $(1) ) </dev/null || status=1; done; exit $$status; }

.PHONY: fuzz
fuzz: ## Try what clients may send on all fuzz targets, FUZZTIME on each
	@$(call fuzz,go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x "$$package")

# To see what an input reaches, Go counts each block of the program and looks through all counts
# afterwards. Without that, a target takes several times as many inputs, mutated from what fuzz has found.
.PHONY: fuzz-many
fuzz-many: ## Try EXECS inputs on each fuzz target, without looking at what they reach
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	$(call fuzz,go test -c -o "$$folder/test" "$$package" && cd "$$(go list -f '{{.Dir}}' "$$package")" && \
		"$$folder/test" -test.run '^$$' -test.fuzz "^$$target$$" -test.fuzztime $(EXECS)x -test.fuzzminimizetime 10x \
		-test.fuzzcachedir "$$(go env GOCACHE)/fuzz/$$package")

.PHONY: bench
bench: ## Measure requests beside peers and the bare drivers: ROUNDS, BENCHTIME, BENCH (a pattern)
	@env=$$(scripts/servers.sh) && eval "$$env" && go test -count=1 -tags beside -timeout 4h -v ./conformance/stores/beside \
		-args $(CURDIR)/scripts/bench.sh '$(ROUNDS)' '$(BENCHTIME)' '$(BENCH)'

.PHONY: capacity
capacity: ## Measure what sessions take in each store: SIZES, BACKENDS
	@env=$$(scripts/servers.sh) && eval "$$env" && go test -count=1 -tags beside -timeout 5h -v ./conformance/stores/beside \
		-args $(CURDIR)/scripts/capacity.sh '$(SIZES)' '$(BACKENDS)'

.PHONY: lint
lint: tidy-check actionlint golangci ## Check style, workflows and that every go.mod is tidy

.PHONY: golangci
golangci: $(LINT) ## Check style
	@$(call each,$(LINT) run ./...)

.PHONY: fmt
fmt: $(LINT) ## Format the code
	@$(call each,$(LINT) fmt ./...)

.PHONY: actionlint
actionlint: ## Check the workflows
	go run $(ACTIONLINT)

.PHONY: tidy
tidy: ## Tidy every go.mod
	@$(call each,go mod tidy)

.PHONY: tidy-check
tidy-check: ## Check that every go.mod is tidy
	@$(call each,go mod tidy -diff)

.PHONY: vuln
vuln: ## Look for known vulnerabilities in code that is reached
	@$(call each,go run $(GOVULNCHECK) $(if $(VULNDB),-db $(VULNDB)) ./...)

$(CURDIR)/bin/golangci-lint-%:
	GOBIN=$(@D) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$*
	@mv $(@D)/golangci-lint $@
