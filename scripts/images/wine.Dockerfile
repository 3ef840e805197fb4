# Wine runs Windows programs. That of older releases of Debian lacks what Go needs.
ARG BASE
FROM ${BASE}
RUN apt-get -qq update && \
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends wine wine64 && \
	rm -rf /var/lib/apt/lists/*
# A drive C:, on no screen, with nothing to be downloaded for it.
ENV WINEPREFIX=/wine WINEDEBUG=-all WINEDLLOVERRIDES="mscoree=;mshtml="
RUN wine wineboot --init && wineserver --wait
ENTRYPOINT ["wine"]
