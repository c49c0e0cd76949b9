# The image of {{service}}, made by migrate-wizard.
FROM python:{{runtime}}-slim-{{base}} AS build
ENV PATH=/venv/bin:$PATH
WORKDIR /app
RUN apt-get update \
 && apt-get install -y --no-install-recommends build-essential libpq-dev \
 && rm -rf /var/lib/apt/lists/*
RUN python -m venv /venv
# packages first: this layer is made again only when they change
COPY {{manifests}} ./
{{install}}

FROM python:{{runtime}}-slim-{{base}} AS run
{{apt}}
{{image_env}}
# the certificates of Amazon RDS, so that sslmode=verify-full works
ADD --chmod=644 https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem /etc/ssl/rds.pem
ENV PATH=/venv/bin:$PATH
ENV PYTHONUNBUFFERED=1
ENV PGSSLROOTCERT=/etc/ssl/rds.pem
ENV PORT={{port}}
WORKDIR /app
RUN useradd --create-home app && chown app:app /app
COPY --from=build /venv /venv
COPY --chown=app:app . .
{{workdir}}
USER app
EXPOSE {{port}}
{{health}}
CMD {{cmd}}
