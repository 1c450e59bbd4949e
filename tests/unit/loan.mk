# Unit tests of initiator-tools.
if HAVE_ISCSI
unit_tests += \
	tests/unit/test_loan_advance \
	tests/unit/test_loan_agent \
	tests/unit/test_loan_answer \
	tests/unit/test_loan_check \
	tests/unit/test_loan_child \
	tests/unit/test_loan_choose \
	tests/unit/test_loan_claim \
	tests/unit/test_loan_command \
	tests/unit/test_loan_commit \
	tests/unit/test_loan_conf \
	tests/unit/test_loan_cure \
	tests/unit/test_loan_disk \
	tests/unit/test_loan_foreign \
	tests/unit/test_loan_judge \
	tests/unit/test_loan_lvm \
	tests/unit/test_loan_measure \
	tests/unit/test_loan_node \
	tests/unit/test_loan_rank \
	tests/unit/test_loan_record \
	tests/unit/test_loan_report \
	tests/unit/test_loan_sg \
	tests/unit/test_loan_steps \
	tests/unit/test_loan_swap \
	tests/unit/test_loan_tool \
	tests/unit/test_loan_volume \
	tests/unit/test_loan_watch \
	tests/unit/test_vm_disk \
	tests/unit/test_vm_qmp
endif
loan_rig = tests/unit/loan_rig.c tests/unit/loan_rig.h
loan_test_libs = tests/lib/libtest.a $(memloan_libs) $(CHECK_LIBS)
tests_unit_test_loan_advance_LDADD = $(loan_test_libs)
tests_unit_test_loan_agent_LDADD = $(loan_test_libs)
tests_unit_test_loan_answer_LDADD = $(loan_test_libs)
tests_unit_test_loan_check_SOURCES = \
	%D%/check_tree.c \
	%D%/check_tree.h \
	%D%/test_loan_check.c
tests_unit_test_loan_check_LDADD = $(loan_test_libs)
tests_unit_test_loan_child_LDADD = $(loan_test_libs)
tests_unit_test_loan_choose_LDADD = $(loan_test_libs)
tests_unit_test_loan_claim_LDADD = $(loan_test_libs)
tests_unit_test_loan_command_LDADD = $(loan_test_libs)
tests_unit_test_loan_commit_LDADD = $(loan_test_libs)
tests_unit_test_loan_conf_LDADD = $(loan_test_libs)
tests_unit_test_loan_cure_SOURCES = \
	%D%/check_tree.c \
	%D%/check_tree.h \
	%D%/test_loan_cure.c
tests_unit_test_loan_cure_LDADD = $(loan_test_libs)
tests_unit_test_loan_disk_LDADD = $(loan_test_libs)
tests_unit_test_loan_foreign_LDADD = $(loan_test_libs)
tests_unit_test_loan_judge_LDADD = $(loan_test_libs)
tests_unit_test_loan_lvm_SOURCES = $(loan_rig) %D%/test_loan_lvm.c
tests_unit_test_loan_lvm_LDADD = $(loan_test_libs)
tests_unit_test_loan_measure_LDADD = $(loan_test_libs)
tests_unit_test_loan_node_LDADD = $(loan_test_libs)
tests_unit_test_loan_rank_LDADD = $(loan_test_libs)
tests_unit_test_loan_record_LDADD = $(loan_test_libs)
tests_unit_test_loan_report_LDADD = $(loan_test_libs)
tests_unit_test_loan_sg_LDADD = $(loan_test_libs)
tests_unit_test_loan_steps_LDADD = $(loan_test_libs)
tests_unit_test_loan_swap_SOURCES = $(loan_rig) %D%/test_loan_swap.c
tests_unit_test_loan_swap_LDADD = $(loan_test_libs)
tests_unit_test_loan_tool_SOURCES = $(loan_rig) %D%/test_loan_tool.c
tests_unit_test_loan_tool_LDADD = $(loan_test_libs)
tests_unit_test_loan_volume_SOURCES = $(loan_rig) %D%/test_loan_volume.c
tests_unit_test_loan_volume_LDADD = $(loan_test_libs)
tests_unit_test_loan_watch_LDADD = $(loan_test_libs)
tests_unit_test_vm_disk_LDADD = $(loan_test_libs)
tests_unit_test_vm_qmp_LDADD = $(loan_test_libs)
