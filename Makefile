# The developer's front door.  Everything that is made goes to build/.
#
#   make                    module, worker, command line
#   make check              the unit tests and the quick prove tests
#   make help               all targets

SHELL   := /bin/bash
B       := build
VERSION := $(shell sed -n 's/^\#define CR_VERSION  *"\(.*\)"/\1/p' \
               lib/cr_version.h)

NGINX_DEV     ?= /usr/share/nginx/src
NGINX_MODULES ?= /usr/lib/nginx/modules
NGINX_SRC     ?=
FUZZ_SECONDS  ?= 20
JOBS          ?= 2

PREFIX     ?= /usr
SYSCONFDIR ?= /etc
STATEDIR   ?= /var/lib
UNITDIR    ?= /lib/systemd/system
SYSUSERS   ?= /usr/lib/sysusers.d
DESTDIR    ?=

WARN      := -std=c11 -Wall -Wextra -Wpointer-arith -Wshadow \
             -Wstrict-prototypes -Werror
HARDEN    := -fstack-protector-strong -D_FORTIFY_SOURCE=2
CFLAGS    ?= -O2 -g
LDFLAGS   ?= -Wl,-z,relro -Wl,-z,now
INCS      := -Ilib -Itools/cartrecoverd -I$(B)/gen
OURS      := $(WARN) $(INCS) -MMD -MP

ICU_LIBS  := $(shell pkg-config --libs icu-i18n icu-uc 2>/dev/null \
               || echo -licui18n -licuuc -licudata)
LIB_LIBS  := -ljansson -lpcre2-8 -lz -lcrypto -lm
TOOL_LIBS := -lhiredis -lcurl $(ICU_LIBS) $(LIB_LIBS)

SAN       := -fsanitize=address,undefined -fno-sanitize-recover=undefined
SAN_FLAGS := -g -O1 -fno-omit-frame-pointer $(SAN)

ASSETS     := $(B)/gen/cr_assets.c
WEB        := $(wildcard ngx_cartrecover_module/web/min/*)
ASSET_SRCS := $(WEB) $(wildcard conf/platforms/*.json \
                conf/messages/*.json conf/consent/*.json lib/lua/*.lua)

LIB_SRCS    := $(wildcard lib/*.c) $(ASSETS)
WORKER_SRCS := $(wildcard tools/cartrecoverd/*.c)
CLI_OWN     := $(wildcard tools/cartrecover/*.c)
MODULE_SRCS := $(wildcard ngx_cartrecover_module/*.c) $(LIB_SRCS)

# What has a main() stays out of the archives that tests link.
mains        = $(if $(1),$(shell grep -lE '^main\b' $(1) /dev/null))
WORKER_PARTS := $(filter-out $(call mains,$(WORKER_SRCS)),$(WORKER_SRCS))
CLI_PARTS    := $(filter-out $(call mains,$(CLI_OWN)),$(CLI_OWN))

UNIT_SRCS := $(wildcard t/unit/*.c)
UNIT      := $(UNIT_SRCS:t/unit/%.c=$(B)/unit/%)
FUZZ_SRCS := $(filter-out t/fuzz/replay_main.c,$(wildcard t/fuzz/*.c))
FUZZ      := $(FUZZ_SRCS:t/fuzz/%.c=$(B)/fuzz/%)
REPLAY    := $(FUZZ_SRCS:t/fuzz/%.c=$(B)/fuzz-replay/%)

MODULE    := $(B)/ngx_http_cartrecover_module.so
PROGRAMS  := $(B)/cartrecoverd $(B)/cartrecover

# One line a step; V=1 shows the commands.
run = $(if $(V),,@echo '  $(1)';)

objs = $(patsubst %.c,$(B)/$(1)/%.o,$(patsubst $(B)/%,%,$(2)))

.PHONY: all module programs web demo check units fuzz-replay fuzz tidy \
        cppcheck valgrind asan soak faults-long bench fresh install \
        install-files uninstall clean help nginx FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: module programs $(WEB:ngx_cartrecover_module/web/min/%=$(B)/web/%)

module: $(MODULE)
programs: $(PROGRAMS)


# --- assets -----------------------------------------------------------------

$(B)/assets.list: FORCE
	@mkdir -p $(@D)
	@echo '$(ASSET_SRCS)' | cmp -s - $@ || echo '$(ASSET_SRCS)' > $@

$(ASSETS): $(ASSET_SRCS) tools/embed.sh $(B)/assets.list
	$(call run,embed $@)tools/embed.sh $@
	@touch $@

# The committed minified files; "make web" makes them anew from the sources.
$(B)/web/%: ngx_cartrecover_module/web/min/%
	@mkdir -p $(@D)
	@cp -f $< $@


# --- our own objects: obj (programs), san (tests), fuzz (libFuzzer) -----------

# Objects of another compiler or other flags are made anew.
FLAGS_NOW = $(CC) $(CFLAGS) $(CPPFLAGS) $(OURS)

$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(FLAGS_NOW)' | cmp -s - $@ || echo '$(FLAGS_NOW)' > $@

$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call run,cc $@)$(CC) $(CFLAGS) $(CPPFLAGS) $(HARDEN) $(OURS) -c -o $@ $<

$(B)/obj/gen/%.o: $(B)/gen/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call run,cc $@)$(CC) $(CFLAGS) $(CPPFLAGS) $(HARDEN) $(OURS) -c -o $@ $<

# The worker that kills itself at labelled points, for t/faults.
$(B)/kill/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call run,cc $@)$(CC) $(CFLAGS) $(CPPFLAGS) -DCR_KILL_POINTS=1 $(HARDEN) $(OURS) -c -o $@ $<

$(B)/san/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call run,cc $@)$(CC) $(SAN_FLAGS) $(CPPFLAGS) $(OURS) -c -o $@ $<

$(B)/san/gen/%.o: $(B)/gen/%.c $(B)/flags
	@mkdir -p $(@D)
	$(call run,cc $@)$(CC) $(SAN_FLAGS) $(CPPFLAGS) $(OURS) -c -o $@ $<

$(B)/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call run,clang $@)clang $(SAN_FLAGS) -fsanitize=fuzzer-no-link $(OURS) -c -o $@ $<

$(B)/fuzz/obj/gen/%.o: $(B)/gen/%.c
	@mkdir -p $(@D)
	$(call run,clang $@)clang $(SAN_FLAGS) -fsanitize=fuzzer-no-link $(OURS) -c -o $@ $<

# An archive is written whole, so that what was deleted leaves it too.
archive = rm -f $(1) && ar rcs $(1) $(2)

$(B)/libcartrecover.a: $(call objs,obj,$(LIB_SRCS))
	$(call run,ar $@)$(call archive,$@,$^)

$(B)/san/libcartrecover.a: $(call objs,san,$(LIB_SRCS))
	$(call run,ar $@)$(call archive,$@,$^)

$(B)/san/libcartrecoverd.a: $(call objs,san,$(WORKER_PARTS) $(CLI_PARTS))
	$(call run,ar $@)$(call archive,$@,$^)

$(B)/fuzz/libcartrecover.a: $(call objs,fuzz/obj,$(LIB_SRCS))
	$(call run,ar $@)$(call archive,$@,$^)


# --- programs ---------------------------------------------------------------

$(B)/cartrecoverd: $(call objs,obj,$(WORKER_SRCS)) $(B)/libcartrecover.a
	$(call run,ld $@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(TOOL_LIBS)

$(B)/cartrecoverd-kill: $(call objs,kill,$(WORKER_SRCS)) $(B)/libcartrecover.a
	$(call run,ld $@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(TOOL_LIBS)

# The worker's parts are an archive, so that the command line takes only what
# it names (the configuration file, Redis, SMTP).
$(B)/libcartrecoverd.a: $(call objs,obj,$(WORKER_PARTS))
	$(call run,ar $@)$(call archive,$@,$^)

$(B)/cartrecover: $(call objs,obj,$(CLI_OWN)) \
                  $(if $(WORKER_PARTS),$(B)/libcartrecoverd.a) \
                  $(B)/libcartrecover.a
	$(call run,ld $@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(TOOL_LIBS)


# --- the module ---------------------------------------------------------------

# nginx's configure runs again when a source comes or goes, or another nginx is
# asked for; what changed inside a file is left to nginx's own Makefile.
NGINX_BUILD := $(abspath $(B))/$(if $(NGINX_SRC),nginx-src,nginx)
MODULE_FROM := $(if $(NGINX_SRC),$(abspath $(NGINX_SRC)),$(NGINX_DEV))
MODULE_CC   := -g -O2 -fPIC $(HARDEN) -Wformat -Werror=format-security
MODULE_LD   := -Wl,-z,relro -Wl,-z,now -fPIC
MODULE_NOW   = $(CC) $(MODULE_CC) $(CPPFLAGS) $(MODULE_FROM) $(MODULE_SRCS)
COMPAT      := --with-compat --with-pcre-jit --with-threads \
               --with-http_ssl_module --with-http_v2_module \
               --with-http_sub_module --with-http_gunzip_module

$(B)/module.list: FORCE
	@mkdir -p $(@D)
	@echo '$(MODULE_NOW)' | cmp -s - $@ || echo '$(MODULE_NOW)' > $@

$(NGINX_BUILD)/Makefile: config $(B)/module.list | $(ASSETS)
	@mkdir -p $(NGINX_BUILD)
ifeq ($(NGINX_SRC),)
	@test -f $(NGINX_DEV)/conf_flags || { \
	    echo "nginx-dev is missing: run tools/setup.sh build"; exit 1; }
	$(call run,configure $(NGINX_DEV)). $(NGINX_DEV)/conf_flags && cd $(NGINX_DEV) \
	&& ./configure "$${NGX_CONF_FLAGS[@]}" --with-cc='$(CC)' \
	    --with-cc-opt='$(MODULE_CC) $(CPPFLAGS)' \
	    --with-ld-opt='$(MODULE_LD)' --builddir=$(NGINX_BUILD) \
	    --add-dynamic-module=$(CURDIR) > $(NGINX_BUILD)/configure.log \
	|| { tail -n 12 $(NGINX_BUILD)/configure.log; exit 1; }
else
	$(call run,configure $(MODULE_FROM))cd $(MODULE_FROM) && conf=./configure \
	&& { test -f $$conf || conf=auto/configure; } \
	&& $$conf $(COMPAT) --with-cc='$(CC)' \
	    --with-cc-opt='$(MODULE_CC) $(CPPFLAGS)' \
	    --with-ld-opt='-Wl,-z,relro -Wl,-z,now' --builddir=$(NGINX_BUILD) \
	    --add-dynamic-module=$(CURDIR) > $(NGINX_BUILD)/configure.log \
	|| { tail -n 12 $(NGINX_BUILD)/configure.log; exit 1; }
endif

$(MODULE): $(NGINX_BUILD)/Makefile $(ASSETS) FORCE
	@$(MAKE) --no-print-directory -s -f $(NGINX_BUILD)/Makefile \
	    -C $(MODULE_FROM) modules
	@! nm -u $(NGINX_BUILD)/$(@F) | grep -E ' (cr_|ngx_http_cartrecover)' \
	    || { echo 'these would be missing when nginx loads it'; exit 1; }
	@cmp -s $(NGINX_BUILD)/$(@F) $@ || { cp $(NGINX_BUILD)/$(@F) $@.new \
	    && mv -f $@.new $@ && echo "made $@"; }

# The binary of an unpacked source, to run that module with.
nginx: $(MODULE)
	@test -n "$(NGINX_SRC)" || { echo "make nginx NGINX_SRC=dir"; exit 1; }
	@$(MAKE) --no-print-directory -f $(NGINX_BUILD)/Makefile \
	    -C $(MODULE_FROM) binary


# --- tests --------------------------------------------------------------------

# A unit test links all of lib; one that includes a header of the worker, of
# the command line or of ICU links their parts and libraries as well.
empty :=
space := $(empty) $(empty)
tool_headers := $(subst $(space),|,$(basename $(notdir \
                    $(wildcard tools/cartrecover*/*.h))))
worker_tests := $(if $(UNIT_SRCS),$(shell grep -lE \
                    '^.include ("($(tool_headers))\.h"|<unicode/)' \
                    $(UNIT_SRCS) /dev/null))
WORKER_UNIT  := $(worker_tests:t/unit/%.c=$(B)/unit/%)

$(WORKER_UNIT): $(B)/san/libcartrecoverd.a
$(WORKER_UNIT): private PARTS := $(B)/san/libcartrecoverd.a
$(WORKER_UNIT): private PART_LIBS := $(TOOL_LIBS)

$(B)/unit/%: t/unit/%.c $(B)/san/libcartrecover.a
	@mkdir -p $(@D)
	$(call run,ld $@)$(CC) $(SAN_FLAGS) $(CPPFLAGS) $(OURS) -It/unit -o $@ $< $(PARTS) \
	    $(B)/san/libcartrecover.a $(or $(PART_LIBS),$(LIB_LIBS))

units: $(UNIT)

$(B)/san/replay_main.o: t/fuzz/replay_main.c $(B)/flags
	@mkdir -p $(@D)
	$(call run,cc $@)$(CC) $(SAN_FLAGS) $(CPPFLAGS) $(OURS) -c -o $@ $<

$(B)/fuzz-replay/%: t/fuzz/%.c $(B)/san/replay_main.o \
                    $(B)/san/libcartrecover.a
	@mkdir -p $(@D)
	$(call run,ld $@)$(CC) $(SAN_FLAGS) $(CPPFLAGS) $(OURS) -o $@ $< $(B)/san/replay_main.o \
	    $(B)/san/libcartrecover.a $(LIB_LIBS)

fuzz-replay: $(REPLAY)

$(B)/fuzz/%: t/fuzz/%.c $(B)/fuzz/libcartrecover.a
	@mkdir -p $(@D)
	$(call run,ld $@)clang $(SAN_FLAGS) -fsanitize=fuzzer $(OURS) -o $@ $< \
	    $(B)/fuzz/libcartrecover.a $(LIB_LIBS)

# New inputs go to build/, never into the tree's corpus.
fuzz: $(FUZZ)
	@set -e; for target in $(FUZZ); do \
	    name=$${target##*/}; new=$(B)/fuzz/corpus/$$name; \
	    mkdir -p $$new t/fuzz/corpus/$$name; echo "fuzz $$name"; \
	    $$target -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=1024 \
	        -max_len=16384 -print_final_stats=1 -verbosity=0 \
	        -artifact_prefix=$(B)/fuzz/$$name- \
	        $$new t/fuzz/corpus/$$name; \
	done

SLOW  := $(shell grep -lsE '^\# check: alone' t/*.t)
QUICK := $(filter-out $(SLOW),$(wildcard t/*.t))

check: all units fuzz-replay
	prove -It/lib -j$(JOBS) $(QUICK)

faults-long: all $(B)/cartrecoverd-kill
	CR_LONG=1 prove -It/lib -v t/worker_faults.t t/redis_outage.t t/crash.t

soak: all
	CR_SOAK=1 prove -It/lib -v t/reload.t t/redis_outage.t

# The tests of the module that start nginx by t/lib/CR.pm.
NGINX_TESTS := $(shell grep -lsE 'start_nginx|nginx_start|CR::nginx' t/*.t)
VALGRIND_TESTS ?= $(filter-out $(SLOW),$(NGINX_TESTS))

valgrind: all
	CR_VALGRIND=1 prove -It/lib $(VALGRIND_TESTS)

asan:
	$(MAKE) B=$(B)/asan CPPFLAGS='-fsanitize=address -fno-omit-frame-pointer' \
	    LDFLAGS='-fsanitize=address' HARDEN= module programs
	CR_BUILD=$(B)/asan CR_ASAN=1 prove -It/lib $(VALGRIND_TESTS)

TIDY_SRCS := $(wildcard lib/*.c) $(WORKER_SRCS) $(CLI_OWN)

tidy: $(ASSETS)
	clang-tidy --quiet $(TIDY_SRCS) -- -std=c11 -D_GNU_SOURCE $(INCS)

cppcheck: $(ASSETS)
	cppcheck --quiet --std=c11 --language=c --error-exitcode=1 \
	    --inline-suppr --enable=warning,performance,portability \
	    --suppress=missingIncludeSystem --suppress=varFuncNullUB \
	    --suppress=arrayIndexThenCheck --suppress=internalAstError \
	    -j$(JOBS) $(INCS) $(TIDY_SRCS)

web:
	tools/web/build.sh

demo: all
	tools/demo.sh

$(B)/bench-lib: tools/bench/lib.c $(B)/libcartrecover.a $(B)/flags
	$(call run,ld $@)$(CC) $(CFLAGS) $(CPPFLAGS) $(OURS) -o $@ $< \
	    $(B)/libcartrecover.a $(LIB_LIBS)

bench: all $(B)/bench-lib
	tools/bench/bench
	tools/bench/bench --counted --variants plain,mod \
	    --json $(B)/bench-count.json

fresh:
	tools/fresh.sh


# --- installation -------------------------------------------------------------

BINDIR  := $(PREFIX)/bin
SBINDIR := $(PREFIX)/sbin
DATADIR := $(PREFIX)/share/cartrecover
D       := $(DESTDIR)

# A running nginx has the old module mapped: it must be renamed over, never
# written into.
define install_renamed
install -D -m $(3) $(1) $(2).new && mv -f $(2).new $(2)
endef

install: all
	@$(MAKE) --no-print-directory install-files

# What is built already, and nothing else: for packages.
install-files:
	$(call install_renamed,$(MODULE),$(D)$(NGINX_MODULES)/$(notdir $(MODULE)),0644)
	$(call install_renamed,$(B)/cartrecoverd,$(D)$(SBINDIR)/cartrecoverd,0755)
	$(call install_renamed,$(B)/cartrecover,$(D)$(BINDIR)/cartrecover,0755)
	install -d -m 0755 $(D)$(DATADIR) $(D)$(SYSUSERS) $(D)$(UNITDIR)
	cp -R conf/templates conf/platforms $(D)$(DATADIR)/
	install -m 0644 conf/policy.example.json $(D)$(DATADIR)/
	install -m 0644 conf/systemd/cartrecover.sysusers \
	    $(D)$(SYSUSERS)/cartrecover.conf
	sed -e 's|@SBINDIR@|$(SBINDIR)|' -e 's|@SYSCONFDIR@|$(SYSCONFDIR)|' \
	    -e 's|@STATEDIR@|$(STATEDIR)|' conf/systemd/cartrecoverd.service \
	    > $(D)$(UNITDIR)/cartrecoverd.service
	install -D -m 0644 conf/logrotate/cartrecover \
	    $(D)$(SYSCONFDIR)/logrotate.d/cartrecover
	install -d -m 0750 $(D)$(SYSCONFDIR)/cartrecover \
	    $(D)$(STATEDIR)/cartrecover
	test -e $(D)$(SYSCONFDIR)/cartrecover/cartrecoverd.conf \
	    || install -m 0640 conf/cartrecoverd.conf \
	        $(D)$(SYSCONFDIR)/cartrecover/cartrecoverd.conf
	test -n "$(D)" || tools/postinstall.sh "$(SYSCONFDIR)/cartrecover" \
	    "$(STATEDIR)/cartrecover"

uninstall:
	rm -f $(D)$(NGINX_MODULES)/$(notdir $(MODULE)) \
	    $(D)$(SBINDIR)/cartrecoverd $(D)$(BINDIR)/cartrecover \
	    $(D)$(UNITDIR)/cartrecoverd.service $(D)$(SYSUSERS)/cartrecover.conf \
	    $(D)$(SYSCONFDIR)/logrotate.d/cartrecover
	rm -rf $(D)$(DATADIR)
	@echo "kept: $(D)$(SYSCONFDIR)/cartrecover $(D)$(STATEDIR)/cartrecover"


clean:
	rm -rf $(B)

help:
	@echo 'make [all]        build/: module, cartrecoverd, cartrecover, web'
	@echo '  NGINX_SRC=dir   against an unpacked nginx instead of nginx-dev'
	@echo '  CC=clang        with another compiler'
	@echo 'make nginx NGINX_SRC=dir   that nginx itself, in build/nginx-src'
	@echo 'make check        unit tests, corpus replay, quick prove tests'
	@echo 'make demo web bench fresh install uninstall clean'
	@echo 'make fuzz [FUZZ_SECONDS=n] tidy cppcheck asan valgrind'
	@echo 'make soak faults-long'

-include $(shell find $(B) -name '*.d' -not -path '*/nginx*/*' 2>/dev/null)
