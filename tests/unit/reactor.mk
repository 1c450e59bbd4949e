# Unit tests of target/reactor.
unit_tests += tests/unit/test_engine
unit_tests += tests/unit/test_conn
unit_tests += tests/unit/test_reactor
