#!/bin/sh
# Does what the official image's entrypoint does with these variables.
set -eu
: "${MYSQL_ROOT_PASSWORD:?}" "${MYSQL_DATABASE:?}"
data=/tmp/mysql
if [ ! -d "$data/mysql" ]; then
	mariadb-install-db --no-defaults --datadir="$data" --skip-test-db --auth-root-authentication-method=normal >/dev/null
	cat >/tmp/setup.sql <<-EOF
		CREATE DATABASE IF NOT EXISTS $MYSQL_DATABASE;
		CREATE USER IF NOT EXISTS root@'%' IDENTIFIED BY '$MYSQL_ROOT_PASSWORD';
		GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;
	EOF
fi
exec mariadbd --no-defaults --datadir="$data" --socket=/tmp/socket --pid-file=/tmp/pid --bind-address=0.0.0.0 --init-file=/tmp/setup.sql "$@"
