#!/usr/bin/env bash
# Runs tests of packages for Windows under Wine, in a container. The arguments are
# packages, for go list; what stands before them and begins with "-" is for the tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ./common.sh
. ./docker.sh

docker_works || { debian_root && start_docker; } || { say "there is no Docker here"; exit 1; }
if pull debian:trixie-slim; then
	image wine debian:trixie-slim 1
elif debian_root && base trixie; then
	image wine cloakroom-debian:trixie 1
else
	say "no image can be pulled, and none can be made (that takes Debian and root)"
	exit 1
fi
cd ..

flags=()
while [[ ${1-} == -* ]]; do
	flags+=("-test.${1#-}")
	shift
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
windows=(env GOOS=windows GOARCH=amd64 CGO_ENABLED=0 go)
"${windows[@]}" list -f '{{.Dir}} {{.ImportPath}}' "$@" |
	while read -r folder package; do
		"${windows[@]}" test -c -o "$work/test.exe" "$package" >&2
		[[ -e $work/test.exe ]] || continue # it has no tests
		say "$package"
		docker run --rm --network none --volume "$work:/work" --volume "$PWD:/repository:ro" \
			--workdir "/repository/${folder#"$PWD"/}" cloakroom-test/wine:1 \
			/work/test.exe -test.v=test2json ${flags[@]+"${flags[@]}"} </dev/null 2>&1 |
			go tool test2json -t -p "$package" || say "$package failed"
		rm "$work/test.exe"
	done | go run ./conformance/stores/report
