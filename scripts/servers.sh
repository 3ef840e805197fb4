#!/usr/bin/env bash
# Makes sure that the servers for the stores' tests can be started, and prints the
# environment that the tests need for it, for eval. What it does goes to standard error;
# what is done already is not done again.
#
# With Docker, official images are used, or those of them that are here, or the ones that
# CLOAKROOM_REDIS_IMAGE and its like name. On a Debian machine where we are root, Docker is
# installed and started if need be, and where no image can be pulled, images are made of
# Debian's packages; so is installed what the commands in docs use. CLOAKROOM_INSTALL=no keeps
# it from installing and starting anything. Of what is left out it says so, and the tests run
# what they can.
#
#	servers.sh needs    prints the packages that it would install, and does nothing
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ./common.sh
. ./docker.sh

# What the commands in docs use, which tests run: the databases' own clients are beside them.
pages=(sqlite3 xxd binutils openssl jq)

needs() {
	debian_root || return 0
	missing "${pages[@]}"
	docker_works || missing "${engine[@]}"
	docker_works && { has_image memcached:1.6 || has_image cloakroom-debian:trixie; } || missing "${bootstrap[@]}"
	compgen -G 'images/wheels/*' >/dev/null || command -v pip3 >/dev/null || missing python3-pip
}

# wheels fetches the Python package that stands in for MongoDB, for the Python of the
# Debian release that its image is made of.
wheels() {
	local folder=images/wheels
	compgen -G "$folder/*" >/dev/null && return
	command -v pip3 >/dev/null || packages python3-pip || return
	say "fetching $1"
	pip3 download --quiet --disable-pip-version-check --dest "$folder" --only-binary=:all: \
		--python-version 3.11 --platform "manylinux2014_$(uname -m)" --platform "manylinux_2_28_$(uname -m)" --platform any "$1" >&2 ||
		{ rm -rf "$folder"; return 1; }
}

# What there is in the end: the kinds of servers, and what the tests are told of their
# images.
kinds=
use() {
	local kind=$1 name=$2
	shift 2
	(($#)) || { say "no image for $kind; its tests run with one on the PATH, or are skipped"; set -- ''; }
	[[ -z $1 ]] || kinds="$kinds $kind"
	printf "export CLOAKROOM_%s_IMAGE='%s'\n" "$name" "$*"
}

# official uses those of the images that are here or can be pulled. If there are none, and
# none can be pulled, it makes our own. Images that the environment names are taken instead.
official() {
	local kind=$1 name=$2 given=CLOAKROOM_$2_IMAGE i left='' got=()
	shift 2
	# shellcheck disable=SC2086 # a list of words
	[[ -z ${!given+set} ]] || set -- ${!given}
	for i; do
		if pull "$i"; then
			got+=("$i")
		else
			left="$left $i"
		fi
	done
	if [[ -n ${got-} ]]; then
		[[ -z $left ]] || say "going on without$left"
		use "$kind" "$name" "${got[@]}"
	elif [[ -n $own && -z ${!given+set} ]]; then
		# shellcheck disable=SC2046 # a list of words
		built "$kind" "$name" $(ours "$kind")
	else
		use "$kind" "$name"
	fi
}

# ours prints our own images of a kind: name, Debian release and tag each.
ours() {
	case $1 in
	redis) echo redis bookworm 7 redis trixie 8 valkey trixie 8 ;;
	memcache) echo memcached bookworm 1.6 ;;
	postgres) echo postgres bookworm 15 postgres trixie 17 ;;
	mysql) echo mariadb bookworm 10.11 mariadb trixie 11.8 ;;
	mongo) ! wheels secantusdb==0.7.0b3 || echo mongo-standin bookworm 1 ;;
	esac
}

# built uses those of our own images that can be made.
built() {
	local kind=$1 name=$2 got=()
	shift 2
	while (($#)); do
		if base "$2" && image "$1" "cloakroom-debian:$2" "$3"; then
			got+=("cloakroom-test/$1:$3")
		fi
		shift 3
	done
	use "$kind" "$name" ${got[@]+"${got[@]}"}
}

# pgbouncer, of which there is no official image, is made from a small one, unless what was
# made before is all that is left.
pgbouncer() {
	local from=debian:trixie-slim made=cloakroom-test/pgbouncer:1
	if [[ -n ${CLOAKROOM_PGBOUNCER_IMAGE+set} ]]; then
		official pgbouncer PGBOUNCER
	elif { pull "$from" && image pgbouncer "$from" 1; } ||
		{ [[ -n $own ]] && base trixie && image pgbouncer cloakroom-debian:trixie 1; } || has_image "$made"; then
		use pgbouncer PGBOUNCER "$made"
	else
		use pgbouncer PGBOUNCER
	fi
}

if [[ ${1-} == needs ]]; then
	needs
	exit 0
fi

! debian_root || packages "${pages[@]}" || say "the tests of commands in docs run those whose programs are here"

if ! docker_works; then
	if ! debian_root; then
		case $(command -v docker) in
		'') say "no Docker here, and it can't be installed (that takes Debian and root); stores whose servers aren't on the PATH are skipped" ;;
		*) say "Docker doesn't answer: does it run, and may you use it? Stores whose servers aren't on the PATH are skipped" ;;
		esac
		exit 0
	fi
	start_docker || { say "stores whose servers aren't on the PATH are skipped"; exit 0; }
fi

where_docker_is || { say "stores whose servers aren't on the PATH are skipped"; exit 0; }

# Whether there may be images of our own.
own=
if pull memcached:1.6 || ! debian_root; then
	say "using the official images${offline:+ that are here: none can be pulled}"
else
	own=yes
	say "no image can be pulled; using those that are here, or else images made of Debian's packages"
fi
official redis REDIS redis:7 redis:8 valkey/valkey:9
official memcache MEMCACHE memcached:1.6
official postgres POSTGRES postgres:15 postgres:18
official mysql MYSQL mysql:8.4 mysql:9 mariadb:10.11 mariadb:11.8
official mongo MONGO mongo:7 mongo:8
pgbouncer
# Testcontainers' own container, which removes what a killed test leaves.
[[ -z $offline ]] || echo "export TESTCONTAINERS_RYUK_DISABLED=true"
[[ -z $own ]] || echo "export TESTCONTAINERS_HOST_OVERRIDE=127.0.0.1"
case $kinds in *redis*) kinds="$kinds sentinel" ;; esac
printf 'export CLOAKROOM_REQUIRE=${CLOAKROOM_REQUIRE-%s}\n' "${kinds# }"
