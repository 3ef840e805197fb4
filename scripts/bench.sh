#!/usr/bin/env bash
# Runs the benchmarks several times over, so that a machine that is busy for a while
# slows all of them, and prints what they say. Servers are taken from the environment.
#
#	bench.sh [rounds [benchtime [pattern]]]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../benchmarks"

rounds=${1:-5} benchtime=${2:-0.3s} pattern=${3:-Request} out=$PWD/out
mkdir -p "$out"
: >"$out/runs.txt"
go test -c -o "$out/bench.test" .
for ((round = 1; round <= rounds; round++)); do
	echo "round $round of $rounds" >&2
	"$out/bench.test" -test.run '^$' -test.bench "$pattern" -test.benchtime "$benchtime" -test.timeout 60m >>"$out/runs.txt"
done
go run ./report -json "$out/results.json" -markdown "$out/table.md" -svg "$out/performance.svg" <"$out/runs.txt" | tee "$out/table.txt"
echo "runs, for benchstat: $out/runs.txt; figures: $out/results.json, $out/table.md; picture: $out/performance.svg" >&2
