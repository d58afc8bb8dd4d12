# The worker's image; any other verb of rollcall runs in it as well.
FROM node:20.20.2-bookworm AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY scripts scripts
COPY src src
RUN node scripts/build.mjs && npm prune --omit=dev --ignore-scripts
# Temporal's package brings its native library for five platforms.
RUN find node_modules/@temporalio/core-bridge/releases -mindepth 1 -maxdepth 1 \
    ! -name "$(uname -m)-unknown-linux-gnu" -exec rm -r {} +

FROM node:20.20.2-bookworm-slim
# The slim image has no certificates, and Temporal's native library does not use Node's.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /app/node_modules /app/node_modules
COPY --from=build /app/dist /app/dist
COPY package.json /app/
COPY bin /app/bin
RUN mkdir /rollcall && chown node:node /rollcall
USER node
WORKDIR /rollcall
ENTRYPOINT ["node", "/app/bin/rollcall"]
CMD ["worker"]
