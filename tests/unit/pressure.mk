# Unit tests of target/pressure.
unit_tests += \
	tests/unit/test_pressure \
	tests/unit/test_pressure_watch
