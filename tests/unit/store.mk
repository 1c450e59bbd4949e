# Unit tests of target/store.
unit_tests += \
	tests/unit/test_store \
	tests/unit/test_store_data \
	tests/unit/test_store_host \
	tests/unit/test_store_retire \
	tests/unit/test_store_threads
EXTRA_DIST += tests/unit/test_store.h
