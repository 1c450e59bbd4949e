# Unit tests of target/iscsi: text, keys, login, CHAP, SendTargets.
unit_tests += tests/unit/test_chap
unit_tests += tests/unit/test_text
unit_tests += tests/unit/test_keys
unit_tests += tests/unit/test_login
unit_tests += tests/unit/test_login_chap
unit_tests += tests/unit/test_sendtargets
