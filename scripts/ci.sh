#!/usr/bin/env bash
# What the workflows run. They say where and with what, and call this script, so that it
# can be run here as well:
#
#	ci.sh unit                        all tests but those that need servers
#	ci.sh store STORE IMAGE DRIVER    what a store's server has a part in: the store with
#	                                  its driver at "minimum" or "newest"
#	ci.sh matrix [DRIVER...]          that for all stores, on the images that are here
#	ci.sh modules                     module graphs, tidiness, and each module by itself
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ./common.sh
cd ..

# The backends that need servers, and the tests that go through all of them.
backends='redis|memcache|postgres|mysql|mongo'
all='^Test(AnOwnServer.*|TwoProcesses.*|.*On(Any|Every)Store)$'

# report shows what go test -json prints.
report() { go run ./conformance/stores/report; }

# As make test does, but for the tests with servers: not every runner has make or can
# start Linux containers. Those with Linux have a browser on the PATH; elsewhere its tests
# are skipped.
unit() {
	go test -race -count=1 -timeout=20m -skip "(?i:^Test($backends))|$all/^($backends)\$" -json work | report
}

# store runs in a copy of the tree, in which it changes versions of drivers.
store() {
	local STORE=$1 image=$2 at=$3 upper module=store-$1 drivers=store-$1 driver m
	upper=$(tr '[:lower:]' '[:upper:]' <<<"$STORE")
	copy
	# The workspace would raise every driver to the highest version in it.
	export GOWORK=off
	# The driver is the one module that the store requires beside core. The tests' module,
	# the demo's and the command's may require a later one, or would have to be tidied
	# after the store, so it is set in all of them, and checked.
	local format='{{if not (or .Main .Replace .Indirect)}}{{.Path}}@{{.Version}}{{end}}'
	if [[ $STORE == mysql ]]; then # database/sql leaves the driver to the program
		module=store-sql drivers=conformance/stores
		format='{{if eq .Path "github.com/go-sql-driver/mysql"}}{{.Path}}@{{.Version}}{{end}}'
	fi
	driver=$(go -C "$drivers" list -m -f "$format" all)
	if [[ $at == newest ]]; then
		driver=$(go -C "$drivers" list -m -f '{{.Path}}@{{.Version}}' "${driver%@*}@latest")
	fi
	say "$module with $driver, on $image"
	for m in "$drivers" conformance/stores examples cmd/cloakroom; do
		grep -q "${driver%@*} " "$m/go.mod" || continue
		go -C "$m" get "$driver"
		go -C "$m" mod tidy
		go -C "$m" list -m "${driver%@*}" | grep -qxF "${driver/@/ }"
	done
	go -C "$module" test -race -count=1 ./...
	export "CLOAKROOM_${upper}_IMAGE=$image"
	cd conformance/stores
	go test -race -count=1 -timeout=20m -json \
		-run "(?i:^Test$STORE)|$all/^$STORE\$" . ./command ./internal/servers ./shop |
		go run ./report
}

# copy makes a copy of what git knows or would add, and goes there. An index of its own says
# what that is: not every tar takes a list of names.
copy() {
	local work
	work=$(mktemp -d)
	# shellcheck disable=SC2064 # this folder
	trap "rm -rf '$work'" EXIT
	cp "$(git rev-parse --git-path index)" "$work/index"
	GIT_INDEX_FILE=$work/index git add --all
	GIT_INDEX_FILE=$work/index git checkout-index --all --prefix="$work/tree/"
	cd "$work/tree"
}

# matrix goes on after a failure, and fails in the end.
matrix() {
	local env name at image images status=0
	env=$(scripts/servers.sh && scripts/browser.sh)
	eval "$env"
	export CLOAKROOM_REQUIRE=${CLOAKROOM_REQUIRE-all}
	(($#)) || set -- minimum newest
	for name in ${backends//|/ }; do
		images=CLOAKROOM_$(tr '[:lower:]' '[:upper:]' <<<"$name")_IMAGE
		for image in ${!images-}; do
			for at; do
				scripts/ci.sh store "$name" "$image" "$at" || { say "store-$name on $image with its $at driver failed"; status=1; }
			done
		done
	done
	return "$status"
}

modules() {
	make --no-print-directory tidy-check vet
	go test -count=1 -run '^TestModules$' ./conformance/stores
	# The workspace raises versions to the newest in it. These are the oldest, which
	# each go.mod says.
	local dir dirs
	dirs=$(go list -m -f '{{.Dir}}')
	while read -r dir; do
		grep -q '^// Never tagged' "$dir/go.mod" || (say "tests of ${dir#"$PWD"/}" && cd "$dir" && GOWORK=off go test -short -count=1 ./...)
	done <<<"$dirs"
}

case ${1-} in
unit | store | matrix | modules) "$@" ;;
*)
	sed -n '2,/^set/s/^# \{0,1\}//p' scripts/ci.sh >&2
	exit 2
	;;
esac
