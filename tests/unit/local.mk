# Unit tests: each folder of target/ adds its own to unit_tests.
include %D%/base.mk
include %D%/store.mk
include %D%/pressure.mk
include %D%/scsi.mk
include %D%/pdu.mk
include %D%/iscsi.mk
include %D%/iscsi_login.mk
include %D%/reactor.mk
include %D%/control.mk
include %D%/keeper.mk
include %D%/luns.mk
include %D%/loan.mk
include %D%/guest.mk

if HAVE_CHECK
check_PROGRAMS += $(unit_tests)
endif

# Those with threads, or with what threads share: for TSan.
threaded_tests = \
	tests/unit/test_ask \
	tests/unit/test_claims \
	tests/unit/test_control_methods \
	tests/unit/test_control_service \
	tests/unit/test_control_socket \
	tests/unit/test_counters \
	tests/unit/test_directory \
	tests/unit/test_engine \
	tests/unit/test_log \
	tests/unit/test_luns_kept \
	tests/unit/test_pressure_watch \
	tests/unit/test_reactor \
	tests/unit/test_scrub \
	tests/unit/test_store_model \
	tests/unit/test_store_reserve \
	tests/unit/test_store_resize \
	tests/unit/test_store_retire \
	tests/unit/test_store_threads
# These take half a minute each.
slow_threaded_tests = \
	tests/unit/test_store_kept \
	tests/unit/test_store_poison
