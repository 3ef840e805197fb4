#!/usr/bin/env bash
# Makes sure that the browsers for the browser tests are there, and prints the
# environment that the tests need for them, for eval. What it does goes to standard error;
# what is done already is not done again.
#
# If CLOAKROOM_CHROMIUM names a browser, there is nothing to do. Otherwise, there are
# two: a browser that is on the PATH, or where macOS has it; and, for the tests that do
# without a window, the headless shell, which takes half of the processor time. On a
# Debian machine where we are root, both are installed, unless CLOAKROOM_INSTALL=no. Without
# the shell, the browser does all; without both, the browser tests are skipped.
#
#	browser.sh needs    prints the packages that it would install, and does nothing
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ./common.sh

# whole prints the path of a browser.
whole() {
	local name
	for name in chromium google-chrome chromium-browser google-chrome-stable \
		{"${HOME-}",}"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
		{"${HOME-}",}"/Applications/Chromium.app/Contents/MacOS/Chromium"; do
		command -v "$name" && return
	done
	return 1
}

# shell prints the path of the headless shell.
shell() {
	if [[ -n ${CLOAKROOM_HEADLESS_SHELL-} ]]; then
		printf '%s\n' "$CLOAKROOM_HEADLESS_SHELL"
	else
		command -v chromium-headless-shell || command -v chrome-headless-shell
	fi
}

if [[ -n ${CLOAKROOM_CHROMIUM-} ]]; then
	exit 0
fi
if [[ ${1-} == needs ]]; then
	debian_root || exit 0
	whole >/dev/null || echo chromium
	# Without it, no test is skipped.
	shell >/dev/null || ! may_install || echo chromium-headless-shell
	exit 0
fi
if debian_root; then
	whole >/dev/null || packages chromium || true
	shell >/dev/null || ! may_install || packages chromium-headless-shell || true
fi
if path=$(whole); then
	printf 'export CLOAKROOM_CHROMIUM=%q\n' "$path"
elif debian_root; then
	say "the tests that need a browser are skipped"
else
	say "no Chromium and no Chrome here, and none can be installed (that takes Debian and root); the tests that need one are skipped"
fi
if path=$(shell); then
	printf 'export CLOAKROOM_HEADLESS_SHELL=%q\n' "$path"
fi
