# Unit tests of target/base.
unit_tests += \
	tests/unit/test_arena \
	tests/unit/test_binary \
	tests/unit/test_config \
	tests/unit/test_config_addr \
	tests/unit/test_config_include \
	tests/unit/test_config_keys \
	tests/unit/test_config_secrets \
	tests/unit/test_config_text \
	tests/unit/test_counters \
	tests/unit/test_inherit \
	tests/unit/test_image \
	tests/unit/test_list \
	tests/unit/test_log \
	tests/unit/test_notify \
	tests/unit/test_spawn

# What they share, and the samples of tests/integration/config.sh.
EXTRA_DIST += \
	tests/unit/config_fixture.h \
	tests/config/bad-include.conf \
	tests/config/bad-include.expected \
	tests/config/bad-access.conf \
	tests/config/bad-access.expected \
	tests/config/bad-many.conf \
	tests/config/bad-many.expected \
	tests/config/bad-open.conf \
	tests/config/bad-open.expected \
	tests/config/bad-part.inc \
	tests/config/bad-pool.conf \
	tests/config/bad-pool.expected \
	tests/config/bad-spill.conf \
	tests/config/bad-spill.expected \
	tests/config/bad-syntax.conf \
	tests/config/bad-syntax.expected \
	tests/config/good-donor.conf \
	tests/config/good-include.conf \
	tests/config/good-readme.conf \
	tests/config/parts.d/10-one.conf \
	tests/config/parts.d/20-two.conf \
	tests/config/parts.d/luns/0.inc

fuzzers += tests/fuzz/fuzz_config
tests_fuzz_fuzz_config_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_config_LDADD = $(fuzz_libs)
