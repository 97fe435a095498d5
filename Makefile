# One command file: what CI runs is what you run.
# The target directory lies outside the clone, so that a fresh clone reuses what was built before.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/sealgate-target
export SEALGATE_MATERIAL ?= $(abspath ../shared)

.PHONY: help run test test-clean unit stories fuzz-smoke fuzz-long bench lint rows kill-test guards clean

help:            ## This list
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

run:             ## Build, start a demo on loopback, send mail both ways, stay up
	@scripts/install build
	@cargo build --quiet --package sealgate
	@exec $(CARGO_TARGET_DIR)/debug/sealgate demo --data ./demo-data

test:            ## Install the test peers and run all that CI runs
	@scripts/install build tests
	@scripts/test all

lint:            ## Format, clippy, licences, documentation
	@scripts/install build
	@scripts/test lint

unit:            ## Unit, golden, dialogue and contract tests
	@scripts/install build tests
	@scripts/test unit

stories:         ## The real binary between real servers
	@scripts/install build tests
	@scripts/test stories

kill-test:       ## 200 rounds of kill -9 under load
	@scripts/install build tests
	@SEALGATE_KILL_ROUNDS=200 scripts/test kill

fuzz-smoke:      ## Each fuzz target for some seconds
	@fuzz/smoke 20

fuzz-long:       ## Ten minutes more for each fuzz target, added up in docs/fuzzing.md
	@scripts/install build tests
	@fuzz/long 600

bench:           ## Speed as ratios against peers in the same run; writes docs/benchmarks.md
	@scripts/install build tests bench
	@bench/run

rows:            ## Write docs/rows.md from the row ids in test names
	@scripts/rows > docs/rows.md

guards:          ## Each security row's test fails when its guard is taken away
	@scripts/guards

test-clean:      ## make run and make test in a fresh debootstrap root
	@scripts/test-clean

clean:           ## Remove the demo's data
	rm -rf demo-data demo-data.master-key
