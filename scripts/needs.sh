#!/usr/bin/env bash
# Says in one line what servers.sh and browser.sh are going to install.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ./common.sh

list=$({ ./servers.sh needs; ./browser.sh needs; } | tr '\n' ' ')
case "$list:$(may_install && echo yes)" in
:*) say "nothing is going to be installed" ;;
*:yes) say "going to install ${list% } by apt-get; CLOAKROOM_INSTALL=no keeps the system as it is" ;;
*) say "CLOAKROOM_INSTALL=no: without ${list% }, some tests are skipped" ;;
esac
