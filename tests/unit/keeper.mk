# Unit tests of the keeper and the watchdog, in target/ itself.
unit_tests += \
	tests/unit/test_keeper \
	tests/unit/test_keeper_message \
	tests/unit/test_watchdog
