# The front door. `make demo` and `make test` are all a fresh machine needs; both install what is missing first.
.DEFAULT_GOAL := help
SHELL := bash
jobs ?= $(shell nproc)
# What tests/bench.py runs the real binary with.
tested_programs := mishap tiny_http talker without_rtnetlink user_api_careful user_api_careless orders_producer orders_consumer shop_gateway shop_orders shop_inventory shop_payments grpc_server grpc_server_plain

help:            ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 16

setup:           ## install what building and running need (apt, as root or by sudo)
	@tools/setup build servers

build: setup     ## build build/release/bin/mishap
	@cmake --preset release >build/release.log 2>&1 || { cat build/release.log; exit 1; }
	@cmake --build --preset release -j $(jobs) --target mishap

demo: setup      ## run the main job on real services: careful and careless API under faults
	@cmake --preset release >build/release.log 2>&1 || { cat build/release.log; exit 1; }
	@cmake --build --preset release -j $(jobs) --target mishap user_api_careful user_api_careless
	@examples/user-api/demo build/release/bin

test:            ## build with checks and run every test
	@tools/setup build servers kafka test
	@tools/setup_grpc_js
	@cmake --preset dev >build/dev.log 2>&1 || { cat build/dev.log; exit 1; }
	@cmake --build --preset dev -j $(jobs)
	@ctest --preset dev -j $(jobs)

test-asan:       ## the same under address and undefined-behaviour sanitizers
	@tools/setup build servers kafka test
	@tools/setup_grpc_js
	@cmake --preset asan >build/asan.log 2>&1 || { cat build/asan.log; exit 1; }
	@cmake --build --preset asan -j $(jobs)
	@ctest --preset asan -j $(jobs)

check:           ## format, module layers, text
	@tools/setup check
	@tools/check

# The thread sanitizer's memory layout does not go with an address space randomised by more than 28 bits, the default of
# some distributions; without randomisation it runs everywhere. Where even that is forbidden, it is tried as it is.
plain_layout := $(shell setarch -R true 2>/dev/null && echo setarch -R)

test-tsan:       ## the tests under the thread sanitizer
	@tools/setup build servers kafka test
	@tools/setup_grpc_js
	@cmake --preset tsan >build/tsan.log 2>&1 || { cat build/tsan.log; exit 1; }
	@cmake --build --preset tsan -j $(jobs)
	@$(plain_layout) ctest --preset tsan -j $(jobs)

check-full: check test-tsan ## also clang-tidy over every source, each public header alone, and test-tsan
	@tools/setup build test
	@cmake --preset tidy >build/tidy.log 2>&1 || { cat build/tidy.log; exit 1; }
	@cmake --build --preset tidy -j $(jobs)
	@cmake --preset headers >build/headers.log 2>&1 || { cat build/headers.log; exit 1; }
	@cmake --build --preset headers -j $(jobs)

bench:           ## measure; prints ratios to a baseline run beside it (families="relay cell" for some)
	@tools/setup build servers kafka bench
	@cmake --preset bench >build/bench.log 2>&1 || { cat build/bench.log; exit 1; }
	@cmake --build --preset bench -j $(jobs) --target bench_programs
	@bench/run build/bench/bin $(families)

soak:            ## cells=1000 of mixed specs: no verdict may flip, nothing may be left or grow
	@tools/setup build servers test
	@cmake --preset release >build/release.log 2>&1 || { cat build/release.log; exit 1; }
	@cmake --build --preset release -j $(jobs) --target $(tested_programs)
	@python3 tests/soak.py --bin build/release/bin --cells $(or $(cells),1000)

kill:            ## SIGKILL parts of running tests, times=50 of each kind, as root also for an ordinary user
	@tools/setup build servers test
	@cmake --preset dev >build/dev.log 2>&1 || { cat build/dev.log; exit 1; }
	@cmake --build --preset dev -j $(jobs) --target $(tested_programs)
	@python3 tests/kill.py --bin build/dev/bin --times $(or $(times),50)
	@[[ $$EUID -ne 0 ]] || python3 tests/kill.py --bin build/dev/bin --times $(or $(times),50) --ordinary-user

fuzz:            ## a short campaign over every fuzz target (seconds=N for longer)
	@tools/setup build test fuzz
	@cmake --preset fuzz >build/fuzz.log 2>&1 || { cat build/fuzz.log; exit 1; }
	@cmake --build --preset fuzz -j $(jobs)
	@tools/fuzz build/fuzz $(or $(seconds),30) $(jobs)

differential:    ## run random programs by Mishap's Starlark and by CPython and compare (seconds=N, first=NUMBER)
	@tools/setup build test
	@cmake --preset release >build/release.log 2>&1 || { cat build/release.log; exit 1; }
	@cmake --build --preset release -j $(jobs) --target chunks
	@python3 tests/differential.py --bin build/release/bin --seconds $(or $(seconds),60) $(if $(first),--first $(first))

clean:           ## remove the build folder
	rm -rf build

$(shell mkdir -p build)
.PHONY: help setup build demo test test-asan test-tsan check check-full bench soak kill fuzz differential clean
