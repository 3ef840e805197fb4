#!/usr/bin/env bash
# Makes sure that the browser for the browser tests is there, and prints the
# environment that the tests need for it, for eval. What it does goes to standard error;
# what is done already is not done again.
#
# A browser that is named in CLOAKROOM_CHROMIUM, or is on the PATH, or where macOS has
# it, is used. Otherwise, on a Debian machine where we are root, Chromium is installed,
# unless CLOAKROOM_INSTALL=no. Where neither is possible, the browser tests are skipped.
#
#	browser.sh needs    prints the packages that it would install, and does nothing
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ./common.sh

# found prints the path of a browser.
found() {
	local name
	for name in chromium google-chrome chromium-browser google-chrome-stable \
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
		"/Applications/Chromium.app/Contents/MacOS/Chromium"; do
		command -v "$name" && return
	done
	return 1
}

if [[ -n ${CLOAKROOM_CHROMIUM-} ]]; then
	exit 0
fi
if [[ ${1-} == needs ]]; then
	found >/dev/null || ! debian_root || echo chromium
	exit 0
fi
if ! path=$(found); then
	if ! debian_root; then
		say "no Chromium and no Chrome here, and none can be installed (that takes Debian and root); the browser tests are skipped"
		exit 0
	fi
	packages chromium && path=$(found) || { say "the browser tests are skipped"; exit 0; }
fi
printf 'export CLOAKROOM_CHROMIUM=%q\n' "$path"
