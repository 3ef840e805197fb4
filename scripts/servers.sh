#!/usr/bin/env bash
# Makes sure that the servers for the stores' tests can be started, and prints the
# environment that the tests need for it, for eval. What it does goes to standard error;
# what is done already is not done again.
#
# With Docker, the official images are used. On a Debian machine where we are root,
# Docker is installed and started if need be; where no image can be pulled, images are
# made of Debian's packages. Where neither is possible, the tests run what they can.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

say() { printf '=== servers: %s\n' "$*" >&2; }
docker_works() { command -v docker >/dev/null && docker info >/dev/null 2>&1; }

# packages installs Debian packages that are missing.
packages() {
	local missing=()
	for p; do dpkg --status "$p" >/dev/null 2>&1 || missing+=("$p"); done
	((${#missing[@]})) || return 0
	say "installing ${missing[*]}"
	apt-get -qq update >&2
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" </dev/null >/dev/null 2>&1
}

start_docker() {
	packages docker.io iptables procps
	# Chromium drops what it is about to ask for whenever a network interface gets an
	# address or loses it, even for the loopback interface. Without link-local addresses,
	# which nothing here needs, those of containers come and go unnoticed.
	sysctl --quiet --write net.ipv6.conf.default.addr_gen_mode=1 ||
		say "interfaces get link-local addresses; a browser test may fail with ERR_NETWORK_CHANGED"
	# What a dockerd that was killed has left would keep another from starting.
	pgrep -x dockerd >/dev/null || rm -f /var/run/docker.pid /var/run/docker/containerd/containerd.pid
	say "starting dockerd, which goes on running; its log is /var/log/cloakroom-dockerd.log"
	setsid nohup dockerd --exec-opt native.cgroupdriver=cgroupfs </dev/null >/var/log/cloakroom-dockerd.log 2>&1 &
	for _ in {1..60}; do
		docker_works && return
		sleep 1
	done
	say "dockerd did not start:"
	tail -n 5 /var/log/cloakroom-dockerd.log >&2
	return 1
}

# base makes an image of a Debian release.
base() {
	local release=$1 image=cloakroom-debian:$1 folder
	docker image inspect "$image" >/dev/null 2>&1 && return
	packages debootstrap
	say "making $image"
	folder=$(mktemp -d)
	debootstrap --variant=minbase --include=ca-certificates "$release" "$folder" >"$folder.log" 2>&1 ||
		{ tail -n 5 "$folder.log" >&2; return 1; }
	tar -C "$folder" -c . | docker import - "$image" >/dev/null
	rm -r "$folder" "$folder.log"
}

# build makes an image of a server: name, Debian release, tag.
build() {
	base "$2"
	image "$1" "cloakroom-debian:$2" "$3"
}

# image makes an image of a server: name, image that it is based on, tag. Unchanged
# steps come from Docker's cache. The classic builder needs no plug-in.
image() {
	local image=cloakroom-test/$1:$3 log
	docker image inspect "$image" >/dev/null 2>&1 || say "making $image"
	log=$(mktemp)
	DOCKER_BUILDKIT=0 docker build --quiet --build-arg "BASE=$2" --tag "$image" \
		--file "images/$1.Dockerfile" images >/dev/null 2>"$log" || { cat "$log" >&2; return 1; }
	rm "$log"
}

# wheels fetches the Python package that stands in for MongoDB, for the Python of the
# Debian release that its image is made of.
wheels() {
	local folder=images/wheels
	compgen -G "$folder/*" >/dev/null && return
	command -v pip3 >/dev/null || packages python3-pip
	say "fetching $1"
	pip3 download --quiet --disable-pip-version-check --dest "$folder" --only-binary=:all: \
		--python-version 3.11 --platform "manylinux2014_$(uname -m)" --platform "manylinux_2_28_$(uname -m)" --platform any "$1" >&2 ||
		{ rm -rf "$folder"; return 1; }
}

if ! docker_works; then
	if [[ $(id -u) != 0 || ! -e /etc/debian_version ]]; then
		say "no Docker here, and it can't be installed (that takes Debian and root); stores whose servers aren't on the PATH are skipped"
		exit 0
	fi
	start_docker || exit 0
fi

echo 'export CLOAKROOM_REQUIRE=${CLOAKROOM_REQUIRE-servers}'
if docker image inspect memcached:1.6 >/dev/null 2>&1 || timeout 120 docker pull --quiet memcached:1.6 >/dev/null 2>&1; then
	say "using the official images"
	# There is no official one of PgBouncer.
	base=debian:trixie-slim
	docker image inspect "$base" >/dev/null 2>&1 || docker pull --quiet "$base" >/dev/null
	image pgbouncer "$base" 1
	echo "export CLOAKROOM_PGBOUNCER_IMAGE='cloakroom-test/pgbouncer:1'"
	exit 0
fi

say "no image can be pulled; using images made of Debian's packages"
build redis bookworm 7
build redis trixie 8
build valkey trixie 8
build memcached bookworm 1.6
build postgres bookworm 15
build postgres trixie 17
build pgbouncer trixie 1
wheels secantusdb==0.7.0b3
build mongo-standin bookworm 1
cat <<'EOF'
export CLOAKROOM_REDIS_IMAGE='cloakroom-test/redis:7 cloakroom-test/redis:8 cloakroom-test/valkey:8'
export CLOAKROOM_MEMCACHE_IMAGE='cloakroom-test/memcached:1.6'
export CLOAKROOM_POSTGRES_IMAGE='cloakroom-test/postgres:15 cloakroom-test/postgres:17'
export CLOAKROOM_MONGO_IMAGE='cloakroom-test/mongo-standin:1'
export CLOAKROOM_PGBOUNCER_IMAGE='cloakroom-test/pgbouncer:1'
export TESTCONTAINERS_RYUK_DISABLED=true
export TESTCONTAINERS_HOST_OVERRIDE=127.0.0.1
EOF
