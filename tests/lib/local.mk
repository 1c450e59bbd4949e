# What tests share: an engine without a kernel, and sessions on it. The daemon and the initiator of
# tests/integration are built there.
if HAVE_CHECK
check_LIBRARIES += tests/lib/libtest.a
endif
tests_lib_libtest_a_SOURCES = \
	%D%/fake_engine.c \
	%D%/fake_engine.h \
	%D%/filler.h \
	%D%/hostile.c \
	%D%/hostile.h \
	%D%/logged.c \
	%D%/logged.h \
	%D%/lose.c \
	%D%/lose.h \
	%D%/puppet.c \
	%D%/puppet.h \
	%D%/session_rig.c \
	%D%/session_rig.h \
	%D%/test_main.c \
	%D%/test_main.h

EXTRA_DIST += %D%/functions.sh
