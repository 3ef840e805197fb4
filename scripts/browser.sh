#!/usr/bin/env bash
# Makes sure that the browser for the browser tests is there, and prints the
# environment that the tests need for it, for eval. What it does goes to standard error;
# what is done already is not done again.
#
# A browser that is named in CLOAKROOM_CHROMIUM, or is on the PATH, is used. Otherwise, on
# a Debian machine where we are root, Chromium is installed. Where neither is possible, the
# browser tests are skipped.
set -euo pipefail

say() { printf '=== browser: %s\n' "$*" >&2; }

# found prints the path of a browser.
found() {
	local name
	for name in chromium google-chrome chromium-browser google-chrome-stable; do
		command -v "$name" && return
	done
	return 1
}

# install takes Debian's package. Ubuntu's of the same name only asks for a snap.
install() {
	if [[ $(id -u) != 0 ]] || ! grep -qx 'ID=debian' /etc/os-release 2>/dev/null; then
		say "no Chromium and no Chrome here, and none can be installed (that takes Debian and root); the browser tests are skipped"
		return 1
	fi
	say "installing chromium"
	apt-get -qq update >&2 &&
		DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends chromium </dev/null >/dev/null 2>&1 ||
		{ say "chromium could not be installed; the browser tests are skipped"; return 1; }
}

[[ -z ${CLOAKROOM_CHROMIUM-} ]] || exit 0
path=$(found) || { install && path=$(found); } || exit 0
printf 'export CLOAKROOM_CHROMIUM=%q\n' "$path"
