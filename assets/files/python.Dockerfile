# The image of {{service}}: {{base_why}}.
{{lifetime}}
{{front_ends}}
FROM python:{{runtime}}-{{base}} AS build
ENV PATH=/venv/bin:$PATH
WORKDIR /app
{{compilers}}
RUN python -m venv /venv
# packages first: this layer is made again only when they change
{{copy_manifests}}
{{install}}

FROM python:{{runtime}}-{{base}} AS run
{{unknown}}
{{apt}}
{{image_env}}
# the certificates of Amazon RDS, so that ?sslmode=verify-full in DATABASE_URL works without a change of the app
ADD --chmod=644 https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem /etc/ssl/rds.pem
ENV PATH=/venv/bin:$PATH
ENV PYTHONUNBUFFERED=1
ENV PGSSLROOTCERT=/etc/ssl/rds.pem
WORKDIR /app
RUN useradd --create-home --uid 10001 app && chown app:app /app
COPY --from=build /venv /venv
COPY --chown=app:app . .
{{pages}}
{{build}}
