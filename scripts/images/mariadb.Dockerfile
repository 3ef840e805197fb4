ARG BASE
FROM ${BASE}
RUN apt-get -qq update && \
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends mariadb-server && \
	rm -rf /var/lib/apt/lists/* /var/lib/mysql
COPY mariadb-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
USER mysql
EXPOSE 3306
ENTRYPOINT ["docker-entrypoint.sh"]
