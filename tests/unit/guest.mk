# What programs of tests/guest find wrong with their memory.
unit_tests += tests/unit/test_appmem
tests_unit_test_appmem_SOURCES = $(appmem_parts) %D%/test_appmem.c
