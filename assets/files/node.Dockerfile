# The image of {{service}}, made by migrate-wizard.
# Debian with glibc, so that packages with compiled parts load; built and run in the same folder, because some bundles hold absolute paths.
FROM node:{{runtime}}-{{base}}-slim AS base
{{tool}}
WORKDIR /app

FROM base AS build
{{compilers}}
{{build_env}}
# packages first: this layer is made again only when they change
{{copy_manifests}}
{{install}}
{{copy_source}}
{{build_args}}
{{build}}
{{prune}}
{{native_check}}

FROM base AS run
{{apt}}
{{image_env}}
# the certificates of Amazon RDS, so that sslmode=verify-full works
ADD --chmod=644 https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem /etc/ssl/rds.pem
ENV NODE_ENV=production
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/rds.pem
ENV PORT={{port}}
# all of the folder: the app may read more than its bundle; narrow it once you know that it does not
COPY --from=build --chown=node:node /app /app
{{workdir}}
USER node
EXPOSE {{port}}
{{health}}
CMD {{cmd}}
