# Unit tests of target/scsi. They bring a medium of their own in place of target/store.
scsi_tests = \
	tests/unit/test_reserve \
	tests/unit/test_reserve_model \
	tests/unit/test_scsi_atomic \
	tests/unit/test_scsi_attention \
	tests/unit/test_scsi_change \
	tests/unit/test_scsi_data \
	tests/unit/test_scsi_inquiry \
	tests/unit/test_scsi_log \
	tests/unit/test_scsi_lun_map \
	tests/unit/test_scsi_op \
	tests/unit/test_scsi_range \
	tests/unit/test_scsi_stopped \
	tests/unit/test_scsi_stripe \
	tests/unit/test_scsi_unmap
unit_tests += $(scsi_tests)

scsi_fixture = tests/unit/scsi_fixture.c tests/unit/scsi_fixture.h
tests_unit_test_reserve_SOURCES = tests/unit/test_reserve.c $(scsi_fixture)
tests_unit_test_reserve_model_SOURCES = tests/unit/test_reserve_model.c $(scsi_fixture)
tests_unit_test_scsi_atomic_SOURCES = tests/unit/test_scsi_atomic.c $(scsi_fixture)
tests_unit_test_scsi_attention_SOURCES = tests/unit/test_scsi_attention.c $(scsi_fixture)
tests_unit_test_scsi_change_SOURCES = tests/unit/test_scsi_change.c $(scsi_fixture)
tests_unit_test_scsi_data_SOURCES = tests/unit/test_scsi_data.c $(scsi_fixture)
tests_unit_test_scsi_inquiry_SOURCES = tests/unit/test_scsi_inquiry.c $(scsi_fixture)
tests_unit_test_scsi_log_SOURCES = tests/unit/test_scsi_log.c $(scsi_fixture)
tests_unit_test_scsi_lun_map_SOURCES = tests/unit/test_scsi_lun_map.c $(scsi_fixture)
tests_unit_test_scsi_op_SOURCES = tests/unit/test_scsi_op.c $(scsi_fixture)
tests_unit_test_scsi_range_SOURCES = tests/unit/test_scsi_range.c $(scsi_fixture)
tests_unit_test_scsi_stopped_SOURCES = tests/unit/test_scsi_stopped.c $(scsi_fixture)
tests_unit_test_scsi_stripe_SOURCES = tests/unit/test_scsi_stripe.c $(scsi_fixture)
tests_unit_test_scsi_unmap_SOURCES = tests/unit/test_scsi_unmap.c $(scsi_fixture)

EXTRA_DIST += \
	tests/golden/all-supported-opcodes.hex \
	tests/golden/inquiry-standard.hex \
	tests/golden/inquiry-vpd-00.hex \
	tests/golden/inquiry-vpd-80.hex \
	tests/golden/inquiry-vpd-83.hex \
	tests/golden/inquiry-vpd-b0.hex \
	tests/golden/inquiry-vpd-b1.hex \
	tests/golden/inquiry-vpd-b2.hex \
	tests/golden/mode-sense-6-all.hex
