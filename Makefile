# Two commands are all that is needed: `make run` and `make test`. Both do the set-up first.

.PHONY: run app demo service test lint ui-test unit bench package package-test bindings clean help

# With a display this opens the desktop app; without one it is the demonstration in the terminal.
run: $(if $(DISPLAY)$(WAYLAND_DISPLAY),app,demo)

help:
	@echo "make run      set up, build, and open the desktop app (without a display: make demo)"
	@echo "make demo     a coached call in the terminal, measured (PHONE=baresip: with a real SIP phone)"
	@echo "make service  run the service with demo data on http://127.0.0.1:8080"
	@echo "make test     set up and prove everything: format, lints, all tests, windows"
	@echo "make bench    set up and measure; a table, and target/bench.json"
	@echo "make package  build an installable package into target/package"
	@echo "make bindings write ui/src/bindings.ts anew after a command or an event has changed"

# A set-up runs again when it, or what it installs from, has changed.
SETUP := target/setup-$(shell cat .ci/setup src-tauri/voice/tests/requirements.txt | cksum | cut -d' ' -f1)

$(SETUP)-%:
	@bash .ci/setup $*
	@mkdir -p target && rm -f target/setup-*-$* && touch $@

# The user interface: its packages, and what is built from it into the app.
MODULES := ui/node_modules/.installed
UI := ui/dist/index.html
UI_SOURCES := $(shell find ui icons -path ui/node_modules -prune -o -path ui/dist -prune -o -type f -print)

$(MODULES): ui/package-lock.json
	@npm --prefix ui ci --no-audit --no-fund --loglevel=error
	@touch $@

$(UI): $(MODULES) $(UI_SOURCES)
	@npm --prefix ui run --silent build
	@touch $@

app: $(SETUP)-app
	@$(MAKE) --no-print-directory $(UI)
	@cargo build --locked --package call-coaching --package service --bins
	@target/debug/call-coaching

# `make demo PHONE=baresip` has a real SIP phone for the lead; CODEC is pcma, pcmu or opus.
demo: $(SETUP)-$(if $(PHONE),phone,run)
	@cargo build --locked --package demo
	@PHONE=$(PHONE) CODEC=$(CODEC) target/debug/demo

service: $(SETUP)-run
	@cargo build --locked --package service
	@target/debug/service --demo --data data --listen 127.0.0.1:8080

test: $(SETUP)-test
	@$(MAKE) --no-print-directory $(UI)
	@$(MAKE) --no-print-directory lint ui-test unit package-test

lint: $(SETUP)-test $(UI)
	cargo fmt --all --check
	npm --prefix ui run --silent check
	cargo clippy --locked --workspace --all-targets -- -D warnings

ui-test: $(MODULES)
	npm --prefix ui run --silent test

unit: $(SETUP)-test $(UI)
	cargo test --locked --workspace --no-fail-fast
	CALL_COACHING_TEST_DATABASE=postgres cargo test --locked --package store --package service --no-fail-fast

bench: $(SETUP)-bench
	@$(MAKE) --no-print-directory $(UI)
	@cargo build --locked --release --package service --package bench
	cargo bench --locked --package mix
	cargo bench --locked --package trunk --bench phone
	@target/release/bench
	cargo bench --locked --package call-coaching --bench app

bindings: $(SETUP)-test $(UI)
	UPDATE_BINDINGS=1 cargo test --locked --package call-coaching --lib bindings

package: $(SETUP)-app
	@$(MAKE) --no-print-directory $(UI)
	@bash .ci/package

package-test: $(SETUP)-test
	@$(MAKE) --no-print-directory $(UI)
	@bash .ci/test-package

clean:
	cargo clean
	rm -rf ui/dist ui/node_modules
