# The only door.  Everything made lands in $(BUILD).

BUILD = $(CURDIR)/build
PREFIX = /usr
DESTDIR =
T =
B =

export RD_BUILD = $(BUILD)

.PHONY: help deps build pages install run test unit asan tsan hesitant fuzz \
    lint bench docs-check clean


help:       ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1	\2/p' Makefile \
	    | expand -t 20

deps:       ## install what is needed and missing (Debian, npm, Python)
	@tools/deps.sh $(BUILD)

build:      ## the module, against Debian's nginx-dev
	@tools/build.sh $(BUILD)

pages: deps ## the pages, compressed, in $(BUILD)/web
	@tools/pages.sh $(BUILD)/web $(BUILD)

install:    ## module, pages, configuration: PREFIX=/usr, DESTDIR=
	@tools/deps.sh $(BUILD) site
	@tools/build.sh $(BUILD)
	@tools/install.sh $(BUILD) "$(PREFIX)" "$(DESTDIR)"

run: deps build ## all of it on 127.0.0.1:8080; Ctrl-C ends what it started
	@tools/run.sh

test: deps build ## all suites; a part of them: make test T=t/20-access
	@perl tools/test.pl $(T)

unit:       ## t/unit under ASan and UBSan
	@tools/unit.sh

asan: deps  ## suites under an nginx with ASan and UBSan; T= as above
	@tools/asan.sh $(T)

tsan:       ## the thread side under ThreadSanitizer
	@tools/tsan.sh

hesitant: deps build ## suites whose nginx and Redis come late; T= as above
	@tools/hesitant.sh $(T)

fuzz: deps build ## parsers under libFuzzer, requests at nginx, a minute each
	@tools/fuzz.sh
	@for t in t/20-access/*-fuzzed_requests*.t; do \
	    RD_FUZZ_SECONDS=60 prove -v -It/lib $$t || exit 1; done

lint: build ## style.pl on every file, rooms.sh on every object
	@status=0; perl tools/style.pl || status=1; \
	    tools/rooms.sh $(BUILD)/objs || status=1; exit $$status

bench: deps build ## figures as ratios of one run; one group: make bench B=road
	@bench/run $(B)

docs-check: ## directives, routes and errors are documented and tested
	@perl tools/docs-check.pl

clean:      ## remove the build folder
	rm -rf $(BUILD)
