# What servers.sh and browser.sh share; for bash 3.2 and later, which is macOS's.
#
# CLOAKROOM_INSTALL=no keeps the system as it is: nothing is installed by apt-get, and
# no daemon is started.
# shellcheck shell=bash

# say tells on standard error what a script does. Standard output is for eval.
say() { printf '=== %s: %s\n' "${0##*/}" "$*" >&2; }

may_install() { [[ ${CLOAKROOM_INSTALL-yes} != no ]]; }

# debian_root reports whether Debian's packages can be had: elsewhere they have other
# names, or, as Ubuntu's chromium does, only ask for something else.
debian_root() {
	[[ $(id -u) == 0 ]] && command -v apt-get >/dev/null && grep -qx 'ID=debian' /etc/os-release 2>/dev/null
}

# missing prints those of the Debian packages that are not installed.
missing() {
	local p
	for p; do
		dpkg --status "$p" 2>/dev/null | grep -q '^Status: .* installed$' || printf '%s\n' "$p"
	done
}

# packages installs Debian packages that are missing, or fails and says so.
packages() {
	local list
	list=$(missing "$@" | tr '\n' ' ')
	[[ -n $list ]] || return 0
	may_install || { say "$list is missing, and CLOAKROOM_INSTALL=no"; return 1; }
	say "installing $list"
	# shellcheck disable=SC2086 # a list of words
	apt-get -qq update >&2 &&
		DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $list </dev/null >/dev/null 2>&1 ||
		{ say "$list could not be installed"; return 1; }
}

# bounded runs a command for so many seconds at most, where the system has a means.
bounded() {
	local tool
	for tool in timeout gtimeout; do
		command -v "$tool" >/dev/null && { "$tool" "$@"; return; }
	done
	shift
	"$@"
}
