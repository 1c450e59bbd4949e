# Tests. `make check` runs those of tests/tests.list that need only this build; ./bootstrap check
# runs all builds.
EXTRA_DIST += \
	%D%/HOSTILE.md \
	%D%/README.md \
	%D%/chroot.sh \
	%D%/config \
	%D%/coverage.sh \
	%D%/expected-skips.txt \
	%D%/integration/config.sh \
	%D%/run \
	%D%/tests.list

# For programs that name no libraries of their own.
LDADD = tests/lib/libtest.a target/libmemtgt.a $(CHECK_LIBS) $(memtgt_libs)

include %D%/lib/local.mk
include %D%/unit/local.mk
include %D%/integration/local.mk
include %D%/tools/local.mk
include %D%/fuzz/local.mk
include %D%/lint/local.mk
include %D%/guest/local.mk
include %D%/conformance/local.mk
include %D%/bench/local.mk

# For tests/run, which asks for the lists of this file by name.
print-%:
	@echo $($*)

.PHONY: check-programs coverage
check-programs: $(check_LIBRARIES) $(check_PROGRAMS)

check-local: all
if !HAVE_CHECK
	@echo "make check: libcheck is missing (Debian: check); configure again after installing it" >&2
	@exit 1
endif
if !HAVE_ISCSI
	@echo "make check: libiscsi is missing (Debian: libiscsi-dev); configure again after" \
		"installing it" >&2
	@exit 1
endif
	$(srcdir)/tests/run --here "$(abs_builddir)"

# What the tests reach, in lines and branches: coverage/index.html.
coverage: check-programs all
	find . -name '*.gcda' -delete
	$(srcdir)/tests/run --here "$(abs_builddir)" $(coverage_tests)
	$(LCOV) --quiet --rc lcov_branch_coverage=1 --capture --directory target \
		--output-file coverage.info
	genhtml --quiet --rc lcov_branch_coverage=1 --output-directory coverage coverage.info
	$(LCOV) --rc lcov_branch_coverage=1 --summary coverage.info
	$(srcdir)/tests/coverage.sh coverage.info coverage/missing.txt
coverage_tests = unit fuzz integration integration-epoll options config tools

clean-local:
	rm -rf test-logs coverage coverage.info
	find . -name '*.gcda' -delete -o -name '*.gcno' -delete
