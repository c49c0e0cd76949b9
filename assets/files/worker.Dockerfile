# migrate-wizard as tasks inside the VPC: the program, pg_dump for the schema, and the authorities that hosts are checked with.
# PostgreSQL's own image, from the public registry of AWS: its pg_dump reads every server up to its version.
FROM public.ecr.aws/docker/library/postgres:18-trixie
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --create-home --uid 10001 worker
COPY --chmod=755 migrate-wizard /usr/local/bin/migrate-wizard
USER worker
WORKDIR /home/worker
ENTRYPOINT ["/usr/local/bin/migrate-wizard"]
CMD ["worker", "--json"]
