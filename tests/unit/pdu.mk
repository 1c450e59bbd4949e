# Unit tests of target/pdu.
unit_tests += tests/unit/test_digest
unit_tests += tests/unit/test_pdu_rx
