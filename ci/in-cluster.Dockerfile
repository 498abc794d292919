# For ci/in-cluster.yaml: the program, helm, and the client programs of PostgreSQL. The stores are pods of the cluster.
#   docker build --build-arg DRYDOCK_COMMIT="$(git rev-parse --short=12 HEAD)" --target verify --tag drydock-verify .
#   docker build --file ci/in-cluster.Dockerfile --tag drydock-cluster .
ARG DRYDOCK_IMAGE=drydock-verify
ARG HELM_IMAGE=alpine/helm:3.19.0

FROM ${HELM_IMAGE} AS helm

FROM ${DRYDOCK_IMAGE}
USER root
# pg_dump refuses servers newer than itself: Debian bookworm, the usual base, has PostgreSQL 15.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/*
COPY --from=helm /usr/bin/helm /usr/local/bin/helm
USER 10001:10001
