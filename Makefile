# The two words of the README, `make demo` and `make test`, do all the set-up they need.
BUILD := build
JOBS  := $(shell nproc)

.PHONY: help setup build lambda demo test quick bench lint fmt fuzz clean

help:
	@echo "make demo    set up, build, and watch both scenarios in the lab (ARGS='--json FILE --keep --repeat 20')"
	@echo "make test    set up and pass every test: sanitizers, judges, lab, lint"
	@echo "make quick   unit tests of a debug build, for the inner loop"
	@echo "make bench   the benchmarks, with ratios against a named peer"
	@echo "make lambda  build/lambda/intelwall.zip, for AWS Lambda"
	@echo "make lint    clang-format and clang-tidy     make fmt   format in place"
	@echo "make fuzz    every fuzz target for FUZZ_SECONDS (60)"

setup:
	@scripts/setup

build/%/build.ninja: CMakeLists.txt CMakePresets.json cmake/*.cmake
	@cmake --preset $* > build/$*.log 2>&1 || { cat build/$*.log >&2; exit 1; }

build: setup
	@mkdir -p build
	@$(MAKE) --no-print-directory build/release/build.ninja
	@cmake --build build/release -j $(JOBS) --target intelwall

lambda: setup
	@scripts/lambda

demo: build
	@$(BUILD)/release/bin/intelwall demo $(ARGS)

test: setup
	@scripts/test

quick: setup
	@mkdir -p build
	@$(MAKE) --no-print-directory build/dev/build.ninja
	@cmake --build build/dev -j $(JOBS)
	@ctest --preset dev -j $(JOBS)

bench: build
	@scripts/bench

lint: setup
	@scripts/lint

fmt:
	@git ls-files -co --exclude-standard '*.cpp' '*.hpp' | xargs clang-format-19 -i

fuzz: setup
	@scripts/fuzz

clean:
	@rm -rf build
