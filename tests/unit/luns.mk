# Unit tests of target/*.c: LUNs, and what is known of them.
unit_tests += \
	tests/unit/test_luns_label \
	tests/unit/test_state_file
