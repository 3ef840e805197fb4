# SecantusDB, a server from the Python package index that speaks MongoDB's protocol:
# MongoDB itself is in no registry of packages. The folder wheels holds the package
# with its dependencies. Arguments are meant for mongod, and ignored. What it writes
# outlives its process, as tests need; eatmydata keeps it from waiting for the disk.
ARG BASE
FROM ${BASE}
RUN apt-get -qq update && \
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends eatmydata python3 python3-pip && \
	rm -rf /var/lib/apt/lists/*
COPY wheels /wheels
RUN pip install --quiet --no-cache-dir --break-system-packages --no-index --find-links /wheels secantusdb
RUN useradd --system --create-home mongo
COPY mongo-standin.py /usr/local/bin/
USER mongo
EXPOSE 27017
ENTRYPOINT ["sh", "-c", "exec eatmydata python3 /usr/local/bin/mongo-standin.py --host 0.0.0.0 --port 27017 --storage-path /home/mongo/data --sync-on-commit --enable-test-commands --log-level ERROR"]
