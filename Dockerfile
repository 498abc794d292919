# Two images from one file:
#   docker build --build-arg DRYDOCK_COMMIT="$(git rev-parse --short=12 HEAD)" --tag drydock .                  rehearses
#   docker build --build-arg DRYDOCK_COMMIT="$(git rev-parse --short=12 HEAD)" --target verify --tag drydock-verify .
# The second holds the program alone, for `verify`, `report`, `explain` and everything else that starts no store.
# Debian bookworm has PostgreSQL 15 alone, servers and client programs, and pg_dump refuses servers newer than itself.
#   --build-arg BASE_IMAGE=debian:trixie-slim    has PostgreSQL 17 instead
ARG RUST_IMAGE=rust:1-slim-bookworm
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${RUST_IMAGE} AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The image's own toolchain builds it; the file would fetch another one.
RUN rm -f rust-toolchain.toml
ARG DRYDOCK_COMMIT=
RUN DRYDOCK_COMMIT="$DRYDOCK_COMMIT" cargo build --release --locked --package drydock \
    && strip target/release/drydock

FROM ${BASE_IMAGE} AS verify
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --create-home --home-dir /work drydock
COPY --from=build /src/target/release/drydock /usr/local/bin/drydock
USER 10001:10001
WORKDIR /work
ENTRYPOINT ["drydock"]

FROM verify AS rehearse
USER root
# What rehearsals start and call: servers and client programs of PostgreSQL, Java for Elasticsearch, Maven to fetch it.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends default-jre-headless maven postgresql postgresql-client \
    && rm -rf /var/lib/apt/lists/*
COPY ci/rehearse /usr/local/bin/drydock-rehearse
COPY scenarios /usr/local/share/drydock/scenarios
COPY fixtures/expected /usr/local/share/drydock/fixtures/expected
USER 10001:10001
