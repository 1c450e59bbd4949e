# Unit tests of target/control and of target/memtgtctl.
unit_tests += \
	tests/unit/test_control_methods \
	tests/unit/test_control_service \
	tests/unit/test_control_socket \
	tests/unit/test_memtgtctl \
	tests/unit/test_rpc
EXTRA_DIST += %D%/rpc_fixture.h

# With the parts of the program that are in no library.
tests_unit_test_memtgtctl_SOURCES = \
	%D%/test_memtgtctl.c \
	target/memtgtctl/bulk.c \
	target/memtgtctl/call.c \
	target/memtgtctl/command.c \
	target/memtgtctl/pages.c \
	target/memtgtctl/show.c \
	target/memtgtctl/transfer.c
