# Docker, and the images that scripts need; to be sourced after common.sh, in this folder.
# shellcheck shell=bash

docker_works() { command -v docker >/dev/null && docker info >/dev/null 2>&1; }
has_image() { docker image inspect "$1" >/dev/null 2>&1; }

# where_docker_is prints what the tests are told of where Docker is. They know its usual
# places and DOCKER_HOST, but not the contexts of the docker command, in which Colima,
# Rancher Desktop and Docker without root are. It fails where the tests can't reach it.
where_docker_is() {
	local at
	[[ -z ${DOCKER_HOST-} ]] || return 0
	case $(docker --version) in
	*odman*) say "the docker command is Podman, which the tests find only if DOCKER_HOST names its socket"; return 1 ;;
	esac
	at=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null) || return 0 # it knows no contexts
	case $at in
	unix:///var/run/docker.sock) ;;
	unix://*)
		printf 'export DOCKER_HOST=%q\n' "$at"
		# Within the virtual machine, the socket is in its usual place.
		[[ $(uname) != Darwin || -n ${TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE-} ]] ||
			echo "export TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE=/var/run/docker.sock"
		;;
	*) say "Docker is at $at, which the tests can't reach; DOCKER_HOST may name another"; return 1 ;;
	esac
}

# What a Debian machine needs to run Docker, and to make images.
engine=(docker.io iptables procps)
bootstrap=(debootstrap)

start_docker() {
	packages "${engine[@]}" || return
	may_install || { say "Docker doesn't run, and CLOAKROOM_INSTALL=no"; return 1; }
	# Chromium drops what it is about to ask for whenever a network interface gets an
	# address or loses it, even for the loopback interface. Without link-local addresses,
	# which nothing here needs, those of containers come and go unnoticed.
	sysctl --quiet --write net.ipv6.conf.default.addr_gen_mode=1 ||
		say "interfaces get link-local addresses; a browser test may fail with ERR_NETWORK_CHANGED"
	# What a dockerd that was killed has left would keep another from starting.
	pgrep -x dockerd >/dev/null || rm -f /var/run/docker.pid /var/run/docker/containerd/containerd.pid
	say "starting dockerd, which goes on running; its log is /var/log/cloakroom-dockerd.log"
	# It must not keep open what whoever starts it has opened, such as a lock.
	(
		for fd in /proc/self/fd/*; do
			fd=${fd##*/}
			((fd < 3)) || eval "exec $fd>&-"
		done
		exec setsid nohup dockerd --exec-opt native.cgroupdriver=cgroupfs </dev/null >/var/log/cloakroom-dockerd.log 2>&1
	) &
	for _ in {1..60}; do
		docker_works && return
		# It has ended, and there is none that the system has started meanwhile.
		kill -0 $! 2>/dev/null || pgrep -x dockerd >/dev/null || break
		sleep 1
	done
	say "dockerd did not start:"
	tail -n 5 /var/log/cloakroom-dockerd.log >&2
	return 1
}

# base makes an image of a Debian release.
base() {
	local release=$1 image=cloakroom-debian:$1 folder
	has_image "$image" && return
	packages "${bootstrap[@]}" || return
	say "making $image"
	folder=$(mktemp -d)
	debootstrap --variant=minbase --include=ca-certificates "$release" "$folder" >"$folder.log" 2>&1 ||
		{ tail -n 5 "$folder.log" >&2; return 1; }
	tar -C "$folder" -c . | docker import - "$image" >/dev/null || return
	rm -r "$folder" "$folder.log"
}

# image makes an image of a server: name, image that it is based on, tag. Unchanged
# steps come from Docker's cache. The classic builder needs no plug-in.
image() {
	local image=cloakroom-test/$1:$3 log
	has_image "$image" || say "making $image"
	log=$(mktemp)
	DOCKER_BUILDKIT=0 docker build --quiet --build-arg "BASE=$2" --tag "$image" \
		--file "images/$1.Dockerfile" images >/dev/null 2>"$log" || { cat "$log" >&2; rm "$log"; return 1; }
	rm "$log"
}

# pull makes sure that an official image is here. After a first failure, others are not
# tried: each would take as long.
offline=
pull() {
	has_image "$1" && return
	[[ -z $offline ]] && bounded 600 docker pull --quiet "$1" >/dev/null 2>&1 && return
	offline=yes
	return 1
}
