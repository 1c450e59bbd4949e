# Unit tests of target/iscsi: sessions and what they share.
unit_tests += tests/unit/test_directory
unit_tests += tests/unit/test_admission
unit_tests += tests/unit/test_ask
unit_tests += tests/unit/test_fence
unit_tests += tests/unit/test_live
unit_tests += tests/unit/test_session
unit_tests += tests/unit/test_aborts
unit_tests += tests/unit/test_tmf
unit_tests += tests/unit/test_session_access
unit_tests += tests/unit/test_session_limits
unit_tests += tests/unit/test_session_more
unit_tests += tests/unit/test_session_share
# What no good initiator sends, by subject.
unit_tests += \
	tests/unit/test_bad_cdb \
	tests/unit/test_bad_data_out \
	tests/unit/test_bad_fields \
	tests/unit/test_bad_flags \
	tests/unit/test_bad_keys \
	tests/unit/test_bad_log \
	tests/unit/test_bad_login \
	tests/unit/test_bad_noise \
	tests/unit/test_bad_scsi \
	tests/unit/test_bad_sequence \
	tests/unit/test_bad_stream \
	tests/unit/test_bad_text
