# Unit tests of target/*.c: LUNs, and what is known of them.
unit_tests += \
	tests/unit/test_claims \
	tests/unit/test_luns_kept \
	tests/unit/test_luns_label \
	tests/unit/test_scrub \
	tests/unit/test_spill \
	tests/unit/test_state_file \
	tests/unit/test_upgrade

tests_unit_test_claims_SOURCES = \
	tests/unit/luns_rig.c \
	tests/unit/luns_rig.h \
	tests/unit/test_claims.c
tests_unit_test_luns_kept_SOURCES = \
	tests/unit/luns_rig.c \
	tests/unit/luns_rig.h \
	tests/unit/test_luns_kept.c
tests_unit_test_scrub_SOURCES = \
	tests/unit/luns_rig.c \
	tests/unit/luns_rig.h \
	tests/unit/test_scrub.c
