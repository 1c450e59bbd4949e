# Unit tests of target/control.
unit_tests += \
	tests/unit/test_control_socket
