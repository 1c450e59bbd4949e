# The daemon: a library of all it does, which the tests link too, and a main().
noinst_LIBRARIES += target/libmemtgt.a
sbin_PROGRAMS += target/memtgtd

target_libmemtgt_a_SOURCES += \
	%D%/accept.c \
	%D%/accept.h \
	%D%/memory.c \
	%D%/memory.h \
	%D%/server.c \
	%D%/server.h \
	%D%/shortage.c \
	%D%/shortage.h \
	%D%/tbl/iscsi_keys.def \
	%D%/tbl/iscsi_login.def \
	%D%/watchdog.c \
	%D%/watchdog.h
target_libmemtgt_a_CPPFLAGS = $(AM_CPPFLAGS) -DSYSCONFDIR='"$(sysconfdir)"' \
	-DSTATE_DIR='"$(localstatedir)/lib/memtgt"'
target_libmemtgt_a_CFLAGS = $(AM_CFLAGS) $(TARGET_WARN_CFLAGS)

target_memtgtd_SOURCES = %D%/main.c
target_memtgtd_CPPFLAGS = $(target_libmemtgt_a_CPPFLAGS)
target_memtgtd_CFLAGS = $(AM_CFLAGS) $(TARGET_WARN_CFLAGS)
target_memtgtd_LDADD = target/libmemtgt.a $(memtgt_libs)

# Manual pages lie beside what they document.
EXTRA_DIST += \
	%D%/control/memtgt-control.pod \
	%D%/memtgtctl/memtgtctl.pod \
	%D%/memtgtd.conf.pod \
	%D%/memtgtd.pod

if HAVE_POD2MAN
pages = \
	target/memtgt-control.7 \
	target/memtgtctl.8 \
	target/memtgtd.8 \
	target/memtgtd.conf.5
man_MANS += $(pages)
CLEANFILES += $(pages)
endif

pod2man_v = $(pod2man_v_@AM_V@)
pod2man_v_ = $(pod2man_v_@AM_DEFAULT_V@)
pod2man_v_0 = @echo "  POD2MAN " $@;
make_page = $(pod2man_v)$(MKDIR_P) $(@D) && $(POD2MAN) --utf8 --errors=die --center=memtgt \
	--release="memtgt $(VERSION)"

target/memtgtd.8: %D%/memtgtd.pod
	$(make_page) --section=8 --name=MEMTGTD $(srcdir)/target/memtgtd.pod $@

target/memtgtd.conf.5: %D%/memtgtd.conf.pod
	$(make_page) --section=5 --name=MEMTGTD.CONF $(srcdir)/target/memtgtd.conf.pod $@

target/memtgtctl.8: %D%/memtgtctl/memtgtctl.pod
	$(make_page) --section=8 --name=MEMTGTCTL $(srcdir)/target/memtgtctl/memtgtctl.pod $@

target/memtgt-control.7: %D%/control/memtgt-control.pod
	$(make_page) --section=7 --name=MEMTGT-CONTROL \
		$(srcdir)/target/control/memtgt-control.pod $@
