#!/usr/bin/env bash
# Runs the tests that need no server and no browser; the arguments are packages. Tests
# that flush files to the disk take longest: where there is enough memory for them, it
# takes the disk's place. A third of the rest would be linking what a debugger needs, and
# vet, which make lint does as well. The simulation with clocks apart builds a program of
# its own, and is left out.
set -euo pipefail

memory=/dev/shm
if [[ -w $memory ]] && ! grep -q " $memory .*noexec" /proc/mounts &&
	(($(df -Pk "$memory" | awk 'NR == 2 { print $4 }') > 1 << 20)); then
	export GOTMPDIR=${GOTMPDIR-${TMPDIR-/tmp}} TMPDIR=$memory
fi
list=$(go list "$@")
list=$(grep -v /conformance/stores <<<"$list") || { echo "quick.sh: among $* there are none that need no server; make test runs them" >&2; exit 1; }
# shellcheck disable=SC2086 # a list of words
go test -short -vet=off -ldflags=-w -skip='^TestSimulationWithClocksApart$' $list
