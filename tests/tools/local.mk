# Clients that tests and ./bootstrap use against a running daemon, and what tests run programs under.
if HAVE_ISCSI
check_PROGRAMS += tests/tools/memtgt-prove
tests_tools_memtgt_prove_SOURCES = %D%/memtgt-prove.c
tests_tools_memtgt_prove_LDADD = $(ISCSI_LIBS)

check_PROGRAMS += tests/tools/memloan-stops
tests_tools_memloan_stops_SOURCES = %D%/memloan-stops.c
tests_tools_memloan_stops_LDADD = $(memloan_libs)
endif

check_PROGRAMS += tests/tools/without-io-uring
tests_tools_without_io_uring_SOURCES = %D%/without-io-uring.c

EXTRA_DIST += \
	%D%/when-idle.sh \
	%D%/with-hugepages.sh
