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
export GOOS=windows GOARCH=amd64 CGO_ENABLED=0
status=0
while read -r folder package; do
	go test -c -o "$work/test.exe" "$package"
	[[ -e $work/test.exe ]] || continue # it has no tests
	say "$package"
	docker run --rm --network none --volume "$work:/work" --volume "$PWD:/repository:ro" \
		--workdir "/repository/${folder#"$PWD"/}" cloakroom-test/wine:1 /work/test.exe ${flags[@]+"${flags[@]}"} </dev/null || status=1
	rm "$work/test.exe"
done < <(go list -f '{{.Dir}} {{.ImportPath}}' "$@")
exit "$status"
