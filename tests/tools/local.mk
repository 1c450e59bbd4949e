# Clients that tests and ./bootstrap use against a running daemon.
if HAVE_ISCSI
check_PROGRAMS += tests/tools/memtgt-prove
tests_tools_memtgt_prove_SOURCES = %D%/memtgt-prove.c
tests_tools_memtgt_prove_LDADD = $(ISCSI_LIBS)
endif
