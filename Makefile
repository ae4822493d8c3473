# Two commands are all that is needed: `make run` and `make test`. Both do the set-up first.

.PHONY: run demo service test lint unit bench clean help

# With a display this opens the desktop app once it exists; without one it is the demonstration.
run: demo

help:
	@echo "make run      set up, build, and run the main job: a coached call, measured"
	@echo "make demo     the same: the demonstration in the terminal"
	@echo "make service  run the service with demo data on http://127.0.0.1:8080"
	@echo "make test     set up and prove everything: format, lints, all tests"
	@echo "make bench    set up and measure; a table, and target/bench.json"

# A set-up runs again when it, or what it installs from, has changed.
SETUP := target/setup-$(shell cat .ci/setup src-tauri/voice/tests/requirements.txt | cksum | cut -d' ' -f1)

$(SETUP)-%:
	@bash .ci/setup $*
	@mkdir -p target && rm -f target/setup-*-$* && touch $@

demo: $(SETUP)-run
	@cargo build --locked --package demo
	@target/debug/demo

service: $(SETUP)-run
	@cargo build --locked --package service
	@target/debug/service --demo --data data --listen 127.0.0.1:8080

test: lint unit

lint: $(SETUP)-test
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

unit: $(SETUP)-test
	cargo test --locked --workspace --no-fail-fast

bench: $(SETUP)-bench
	@cargo build --locked --release --package service --package bench
	cargo bench --locked --package mix
	@target/release/bench

clean:
	cargo clean
