# Two images: the worker, which can run all other commands of rollcall too, and the Airbyte source:
#
#   docker build --tag rollcall .
#   docker build --tag rollcall/source-auth0 --target source .
#
# For amd64 and arm64: docker buildx build --platform linux/amd64,linux/arm64 …
FROM node:24.21.0-bookworm AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages packages
RUN npm ci --ignore-scripts
COPY scripts scripts
COPY src src
RUN node scripts/build.mjs && npm prune --omit=dev --ignore-scripts
# Temporal's package contains its native library for five platforms. Keep this one.
RUN find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 \
    ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -r {} +

# The local Temporal server that `read` starts.
FROM golang:1.26.8-bookworm AS temporal
RUN CGO_ENABLED=0 go install github.com/temporalio/cli/cmd/temporal@v1.5.1

FROM node:24.21.0-bookworm-slim AS runtime
# The slim image has no certificates, and Temporal's native library does not use those of Node.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /app/node_modules /app/node_modules
# node_modules contains links to it.
COPY --from=build /app/packages /app/packages
COPY --from=build /app/dist /app/dist
COPY package.json /app/
COPY bin /app/bin
RUN mkdir /rollcall && chown node:node /rollcall
USER node
WORKDIR /rollcall

FROM runtime AS source
COPY --from=temporal /go/bin/temporal /usr/local/bin/
ENV TEMPORAL_CLI_PATH=/usr/local/bin/temporal
# The platform starts this command in its own shell and expects it to equal the entry point.
ENV AIRBYTE_ENTRYPOINT="node /app/bin/source-auth0"
LABEL io.airbyte.name=rollcall/source-auth0 io.airbyte.version=0.1.0
ENTRYPOINT ["node", "/app/bin/source-auth0"]

FROM runtime AS worker
ENTRYPOINT ["node", "/app/bin/rollcall"]
CMD ["worker"]
