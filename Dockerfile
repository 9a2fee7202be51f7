# ChitChat's server in a container, without root. How to run it: docs/OPERATING.md, "Installing".
# .ci/container carries out these steps without an engine.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --features post-quantum

FROM debian:bookworm-slim
# A number of its own, so that files in a volume belong to it on every machine.
RUN useradd --uid 2428 --home-dir /var/lib/chitchat --no-create-home --shell /usr/sbin/nologin chitchat \
    && install -d -m 700 -o chitchat -g chitchat /var/lib/chitchat
COPY --from=build /src/target/release/chitchatd /src/target/release/chitchat /usr/bin/
USER 2428
# The server and the commands that are run beside it (docker exec) find the data there.
ENV STATE_DIRECTORY=/var/lib/chitchat
VOLUME /var/lib/chitchat
EXPOSE 2428
HEALTHCHECK --interval=30s --timeout=10s --start-period=5m CMD ["chitchatd", "health"]
ENTRYPOINT ["chitchatd"]
