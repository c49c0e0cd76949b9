# The image of {{service}}: {{base_why}}.
# Built and run in the same folder, because some bundles hold absolute paths.
{{lifetime}}
FROM node:{{runtime}}-{{base}} AS base
{{tool}}
WORKDIR /app

FROM base AS build
{{platform_check}}
{{compilers}}
{{build_env}}
# packages first: this layer is made again only when they change
{{copy_manifests}}
{{install}}
{{copy_source}}
{{build_args}}
{{build}}

FROM base AS run
{{unknown}}
{{apt}}
{{image_env}}
# the certificates of Amazon RDS, so that ?sslmode=verify-full in DATABASE_URL works without a change of the app;
# node-postgres takes sslmode=require for the same, so it needs them, too
ADD --chmod=644 https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem /etc/ssl/rds.pem
ENV NODE_ENV=production
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/rds.pem
# an app may make folders of its own beside its code
RUN chown node:node /app
{{copy_app}}
