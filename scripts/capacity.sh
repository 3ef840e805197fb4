#!/usr/bin/env bash
# Measures what sessions take in each store that the environment names a server of.
#
#	capacity.sh sizes backends
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../benchmarks"
go test -count=1 -timeout 4h -run '^$' -bench '^Benchmark(Capacity|Stall)$' -benchtime 1x . -sizes "$1" -backends "$2"
