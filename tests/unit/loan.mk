# Unit tests of initiator-tools.
if HAVE_ISCSI
unit_tests += \
	tests/unit/test_loan_advance \
	tests/unit/test_loan_answer \
	tests/unit/test_loan_child \
	tests/unit/test_loan_choose \
	tests/unit/test_loan_command \
	tests/unit/test_loan_conf \
	tests/unit/test_loan_disk \
	tests/unit/test_loan_measure \
	tests/unit/test_loan_rank \
	tests/unit/test_loan_record \
	tests/unit/test_loan_sg
endif
loan_test_libs = tests/lib/libtest.a $(memloan_libs) $(CHECK_LIBS)
tests_unit_test_loan_advance_LDADD = $(loan_test_libs)
tests_unit_test_loan_answer_LDADD = $(loan_test_libs)
tests_unit_test_loan_child_LDADD = $(loan_test_libs)
tests_unit_test_loan_choose_LDADD = $(loan_test_libs)
tests_unit_test_loan_command_LDADD = $(loan_test_libs)
tests_unit_test_loan_conf_LDADD = $(loan_test_libs)
tests_unit_test_loan_disk_LDADD = $(loan_test_libs)
tests_unit_test_loan_measure_LDADD = $(loan_test_libs)
tests_unit_test_loan_rank_LDADD = $(loan_test_libs)
tests_unit_test_loan_record_LDADD = $(loan_test_libs)
tests_unit_test_loan_sg_LDADD = $(loan_test_libs)
