# Tests of the real daemon from outside.
if HAVE_CHECK
check_LIBRARIES += tests/lib/libdaemon.a
endif
tests_lib_libdaemon_a_SOURCES = \
	tests/lib/ctl.c \
	tests/lib/ctl.h \
	tests/lib/daemon.c \
	tests/lib/daemon.h \
	tests/lib/inside.c \
	tests/lib/inside.h \
	tests/lib/neighbour.c \
	tests/lib/neighbour.h \
	tests/lib/rawinit.c \
	tests/lib/rawinit.h \
	tests/lib/rawio.c \
	tests/lib/rawlogin.c \
	tests/lib/sweeper.c \
	tests/lib/sweeper.h \
	tests/lib/watch.c \
	tests/lib/watch.h

# Initiators that verify what they wrote.
if HAVE_CHECK
if HAVE_ISCSI
check_LIBRARIES += tests/lib/libload.a
endif
endif
tests_lib_libload_a_CPPFLAGS = $(AM_CPPFLAGS) $(ISCSI_CFLAGS)
tests_lib_libload_a_SOURCES = \
	tests/lib/crash_rig.c \
	tests/lib/crash_rig.h \
	tests/lib/load.c \
	tests/lib/load.h \
	tests/lib/load_model.c \
	tests/lib/load_model.h \
	tests/lib/load_session.c \
	tests/lib/load_session.h

# Donors that are no memtgtd.
if HAVE_CHECK
check_LIBRARIES += tests/lib/libfake.a
endif
tests_lib_libfake_a_SOURCES = \
	tests/lib/fake_donor.c \
	tests/lib/fake_donor.h

integration_tests += \
	tests/integration/test_access \
	tests/integration/test_bad_input \
	tests/integration/test_chap \
	tests/integration/test_blocks \
	tests/integration/test_control \
	tests/integration/test_counting \
	tests/integration/test_crash \
	tests/integration/test_damage \
	tests/integration/test_discovery \
	tests/integration/test_donors \
	tests/integration/test_export \
	tests/integration/test_export_all \
	tests/integration/test_fencing \
	tests/integration/test_flood \
	tests/integration/test_hostile \
	tests/integration/test_io \
	tests/integration/test_kept \
	tests/integration/test_load \
	tests/integration/test_loan_luns \
	tests/integration/test_login \
	tests/integration/test_luns \
	tests/integration/test_luns_load \
	tests/integration/test_poison \
	tests/integration/test_reactors \
	tests/integration/test_reservations \
	tests/integration/test_restart \
	tests/integration/test_shortage \
	tests/integration/test_shutdown \
	tests/integration/test_slices \
	tests/integration/test_spill_live \
	tests/integration/test_stalls \
	tests/integration/test_tasks \
	tests/integration/test_transfer \
	tests/integration/test_upgrade_live
tests_integration_test_access_CPPFLAGS = $(AM_CPPFLAGS) $(ISCSI_CFLAGS)
tests_integration_test_access_LDADD = $(client_libs) $(ISCSI_LIBS)
tests_integration_test_bad_input_LDADD = $(client_libs)
tests_integration_test_chap_CPPFLAGS = $(AM_CPPFLAGS) $(ISCSI_CFLAGS)
tests_integration_test_chap_LDADD = $(client_libs) $(ISCSI_LIBS) $(CRYPTO_LIBS)
tests_integration_test_blocks_LDADD = $(client_libs)
tests_integration_test_control_LDADD = $(client_libs)
tests_integration_test_counting_LDADD = $(client_libs)
tests_integration_test_crash_CPPFLAGS = $(AM_CPPFLAGS) $(ISCSI_CFLAGS)
tests_integration_test_crash_LDADD = tests/lib/libload.a $(inside_libs) $(ISCSI_LIBS)
tests_integration_test_damage_CPPFLAGS = $(AM_CPPFLAGS) $(ISCSI_CFLAGS)
tests_integration_test_damage_LDADD = tests/lib/libload.a $(client_libs) $(ISCSI_LIBS)
tests_integration_test_discovery_CPPFLAGS = $(AM_CPPFLAGS) $(ISCSI_CFLAGS)
tests_integration_test_discovery_LDADD = $(client_libs) $(ISCSI_LIBS)
tests_integration_test_donors_LDADD = tests/lib/libfake.a tests/lib/libdaemon.a tests/lib/libtest.a \
	$(memloan_libs) $(CHECK_LIBS)
tests_integration_test_export_LDADD = $(inside_libs)
tests_integration_test_export_all_LDADD = $(inside_libs)
tests_integration_test_fencing_LDADD = $(client_libs)
tests_integration_test_flood_LDADD = $(client_libs)
tests_integration_test_hostile_LDADD = $(client_libs)
tests_integration_test_io_CPPFLAGS = $(AM_CPPFLAGS) $(ISCSI_CFLAGS)
tests_integration_test_io_LDADD = $(client_libs) $(ISCSI_LIBS)
tests_integration_test_kept_LDADD = $(client_libs)
tests_integration_test_load_CPPFLAGS = $(AM_CPPFLAGS) $(ISCSI_CFLAGS)
tests_integration_test_load_LDADD = tests/lib/libload.a $(client_libs) $(ISCSI_LIBS)
tests_integration_test_loan_luns_CPPFLAGS = $(AM_CPPFLAGS) $(ISCSI_CFLAGS)
tests_integration_test_loan_luns_LDADD = tests/lib/libdaemon.a tests/lib/libtest.a $(memloan_libs) \
	$(CHECK_LIBS)
tests_integration_test_login_CPPFLAGS = $(AM_CPPFLAGS) $(ISCSI_CFLAGS)
tests_integration_test_login_LDADD = $(client_libs) $(ISCSI_LIBS)
tests_integration_test_luns_LDADD = $(inside_libs)
tests_integration_test_luns_load_LDADD = $(inside_libs)
tests_integration_test_poison_LDADD = $(inside_libs)
tests_integration_test_reactors_LDADD = $(client_libs)
tests_integration_test_reservations_LDADD = $(client_libs)
tests_integration_test_restart_LDADD = $(client_libs)
tests_integration_test_shortage_LDADD = $(client_libs)
tests_integration_test_shutdown_LDADD = $(client_libs)
tests_integration_test_slices_LDADD = $(client_libs)
tests_integration_test_spill_live_LDADD = $(client_libs)
tests_integration_test_stalls_LDADD = $(client_libs)
tests_integration_test_tasks_LDADD = $(client_libs)
tests_integration_test_transfer_LDADD = $(inside_libs)
tests_integration_test_upgrade_live_LDADD = $(client_libs)
# Where bytes come in odd pieces, late, or not at all: for each engine.
engine_tests = \
	tests/integration/test_bad_input \
	tests/integration/test_discovery \
	tests/integration/test_hostile \
	tests/integration/test_io \
	tests/integration/test_load \
	tests/integration/test_login \
	tests/integration/test_reactors \
	tests/integration/test_shutdown \
	tests/integration/test_stalls \
	tests/integration/test_tasks
# Whose sessions meet on several threads: for TSan.
threaded_integration_tests = \
	tests/integration/test_access \
	tests/integration/test_bad_input \
	tests/integration/test_blocks \
	tests/integration/test_blocks \
	tests/integration/test_control \
	tests/integration/test_export \
	tests/integration/test_fencing \
	tests/integration/test_kept \
	tests/integration/test_luns \
	tests/integration/test_luns_load \
	tests/integration/test_poison \
	tests/integration/test_reactors \
	tests/integration/test_reservations \
	tests/integration/test_restart \
	tests/integration/test_shutdown \
	tests/integration/test_transfer \
	tests/integration/test_upgrade_live
inside_libs = tests/lib/libdaemon.a tests/lib/libtest.a target/libmemtgt.a $(CHECK_LIBS) \
	$(memtgt_libs)
client_libs = tests/lib/libdaemon.a tests/lib/libtest.a $(CHECK_LIBS)

if HAVE_CHECK
if HAVE_ISCSI
check_PROGRAMS += $(integration_tests)
endif
endif

EXTRA_DIST += \
	%D%/fio_verify.sh \
	%D%/link_local.sh \
	%D%/loan-units.sh \
	%D%/loan.sh \
	%D%/luns_fixture.h \
	%D%/options.sh \
	%D%/service.sh \
	%D%/tools.sh \
	%D%/vm_move.py \
	tests/lib/command.sh \
	tests/lib/daemon.sh
