# Unit tests of target/control.
unit_tests += \
	tests/unit/test_control_methods \
	tests/unit/test_control_service \
	tests/unit/test_control_socket \
	tests/unit/test_rpc
EXTRA_DIST += %D%/rpc_fixture.h
