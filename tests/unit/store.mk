# Unit tests of target/store.
quick_store_tests = \
	tests/unit/test_records \
	tests/unit/test_store \
	tests/unit/test_store_anchor \
	tests/unit/test_store_ceiling \
	tests/unit/test_store_data \
	tests/unit/test_store_host \
	tests/unit/test_store_intent \
	tests/unit/test_store_kept \
	tests/unit/test_store_model \
	tests/unit/test_store_prepare \
	tests/unit/test_store_reserve \
	tests/unit/test_store_resize \
	tests/unit/test_store_retire \
	tests/unit/test_store_stats \
	tests/unit/test_store_threshold \
	tests/unit/test_store_threads
# Whose many processes, or faults, take their time.
slow_store_tests = \
	tests/unit/test_store_kill \
	tests/unit/test_store_poison \
	tests/unit/test_store_torn
store_tests = $(quick_store_tests) $(slow_store_tests)
unit_tests += $(store_tests)
EXTRA_DIST += tests/unit/test_kept.h tests/unit/test_store.h
