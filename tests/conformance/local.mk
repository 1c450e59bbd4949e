# Debian's iscsi-test-cu against the daemon.
if HAVE_ISCSI
check_PROGRAMS += tests/conformance/list_opcodes
endif
tests_conformance_list_opcodes_CPPFLAGS = $(AM_CPPFLAGS) $(ISCSI_CFLAGS)
tests_conformance_list_opcodes_LDADD = $(ISCSI_LIBS)

EXTRA_DIST += \
	%D%/expected-1.19.txt \
	%D%/expected-1.20.txt \
	%D%/opcodes.txt \
	%D%/run.sh
