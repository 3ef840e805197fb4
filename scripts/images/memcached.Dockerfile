ARG BASE
FROM ${BASE}
RUN apt-get -qq update && \
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends memcached && \
	rm -rf /var/lib/apt/lists/*
USER memcache
EXPOSE 11211
ENTRYPOINT ["memcached"]
