# Fuzzers: fuzz_<subject>.c with a corpus in corpus/<subject>/. Linked with libFuzzer after
# --enable-fuzzers, else with a main() that plays the files it is given.
fuzzers += \
	tests/fuzz/fuzz_chap \
	tests/fuzz/fuzz_claims \
	tests/fuzz/fuzz_control \
	tests/fuzz/fuzz_image \
	tests/fuzz/fuzz_intent \
	tests/fuzz/fuzz_label \
	tests/fuzz/fuzz_login \
	tests/fuzz/fuzz_notify \
	tests/fuzz/fuzz_pdu_rx \
	tests/fuzz/fuzz_pr_list \
	tests/fuzz/fuzz_records \
	tests/fuzz/fuzz_scsi \
	tests/fuzz/fuzz_secrets \
	tests/fuzz/fuzz_state \
	tests/fuzz/fuzz_text
if HAVE_CHECK
fuzzers += tests/fuzz/fuzz_session
endif
if HAVE_ISCSI
fuzzers += tests/fuzz/fuzz_answer tests/fuzz/fuzz_loan_conf tests/fuzz/fuzz_loan_record
fuzzers += tests/fuzz/fuzz_agent tests/fuzz/fuzz_volume
fuzzers += tests/fuzz/fuzz_answer tests/fuzz/fuzz_loan_conf \
	tests/fuzz/fuzz_loan_disk tests/fuzz/fuzz_loan_record
fuzzers += tests/fuzz/fuzz_answer tests/fuzz/fuzz_loan_conf tests/fuzz/fuzz_loan_record \
	tests/fuzz/fuzz_qmp
fuzzers += \
	tests/fuzz/fuzz_answer \
	tests/fuzz/fuzz_check \
	tests/fuzz/fuzz_loan_conf \
	tests/fuzz/fuzz_loan_disk \
	tests/fuzz/fuzz_loan_record \
	tests/fuzz/fuzz_volume
endif
check_PROGRAMS += $(fuzzers)
EXTRA_DIST += %D%/corpus %D%/fuzz.h

if FUZZERS
fuzz_ldflags = $(AM_LDFLAGS) -fsanitize=fuzzer
fuzz_libs = target/libmemtgt.a $(memtgt_libs)
else
check_LIBRARIES += tests/fuzz/libreplay.a
tests_fuzz_libreplay_a_SOURCES = %D%/replay.c
fuzz_ldflags = $(AM_LDFLAGS)
fuzz_libs = tests/fuzz/libreplay.a target/libmemtgt.a $(memtgt_libs)
endif
tests_fuzz_fuzz_chap_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_chap_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_claims_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_claims_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_control_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_control_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_image_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_image_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_intent_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_intent_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_label_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_label_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_login_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_login_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_notify_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_notify_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_pdu_rx_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_pdu_rx_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_pr_list_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_pr_list_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_records_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_records_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_scsi_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_scsi_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_secrets_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_secrets_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_state_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_state_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_text_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_text_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_session_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_session_SOURCES = \
	%D%/check_abort.c \
	%D%/fuzz_session.c
tests_fuzz_fuzz_session_LDADD = tests/lib/libtest.a $(fuzz_libs)
tests_fuzz_fuzz_answer_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_answer_LDADD = initiator-tools/libmemloan.a $(fuzz_libs) $(ISCSI_LIBS)
tests_fuzz_fuzz_loan_disk_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_loan_disk_LDADD = initiator-tools/libmemloan.a $(fuzz_libs) $(ISCSI_LIBS)
tests_fuzz_fuzz_check_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_check_LDADD = initiator-tools/libmemloan.a $(fuzz_libs) $(ISCSI_LIBS)
tests_fuzz_fuzz_loan_conf_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_loan_conf_LDADD = initiator-tools/libmemloan.a $(fuzz_libs) $(ISCSI_LIBS)
tests_fuzz_fuzz_loan_record_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_loan_record_LDADD = initiator-tools/libmemloan.a $(fuzz_libs) $(ISCSI_LIBS)
tests_fuzz_fuzz_agent_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_agent_LDADD = initiator-tools/libmemloan.a $(fuzz_libs) $(ISCSI_LIBS)
tests_fuzz_fuzz_volume_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_volume_LDADD = initiator-tools/libmemloan.a $(fuzz_libs) $(ISCSI_LIBS)
tests_fuzz_fuzz_qmp_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_fuzz_qmp_LDADD = initiator-tools/libmemloan.a $(fuzz_libs) $(ISCSI_LIBS)
