# Builds the image of the service, which runs as a user without privileges on a read-only file
# system. docs/deploying.md says how to run it.
# test/deploy/one-database/slow/image.e2e-spec.ts runs the steps of this file in a folder.
FROM node:24.22-bookworm-slim AS build
WORKDIR /app
# Packages are only installed again if these files change.
COPY package.json package-lock.json .npmrc ./
COPY drivers drivers
# npm runs this script after it has installed packages.
COPY scripts/keep-prebuilt.js scripts/
RUN npm ci --no-audit --no-fund
COPY nest-cli.json tsconfig.json tsconfig.build.json ormconfig.ts ./
COPY migrations migrations
COPY scripts scripts
COPY src src
RUN npm run build

FROM node:24.22-bookworm-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY drivers drivers
COPY scripts/keep-prebuilt.js scripts/prune-modules.js scripts/
RUN npm ci --omit=dev --no-audit --no-fund && node scripts/prune-modules.js

FROM node:24.22-bookworm-slim AS runtime
ENV NODE_ENV=production DATABASE_URL=sqlite:/data/app.sqlite
WORKDIR /app
# The user of the image can read these files, whatever the umask of the clone was.
COPY --chmod=444 package.json ./
COPY --chmod=444 data/common-passwords.txt data/NOTICE.md data/
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
# A volume for SQLite takes over the owner and the mode of this folder. PostgreSQL does not need it.
RUN mkdir -m 700 /data && chown 1000:1000 /data
# The user `node` of the image. Kubernetes accepts only a number as proof that it is not root.
USER 1000:1000
EXPOSE 3000
# Docker Swarm replaces a container that is unhealthy. A restart does not repair a database that
# /health/ready reports, so this only asks whether the process answers.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 3000) + '/health/live').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# npm must not be process 1: see docs/production.md.
CMD ["node", "--enable-source-maps", "dist/src/main.js"]
