ARG BASE
FROM ${BASE}
RUN apt-get -qq update && \
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends valkey-server valkey-sentinel && \
	rm -rf /var/lib/apt/lists/*
EXPOSE 6379
ENTRYPOINT ["valkey-server"]
