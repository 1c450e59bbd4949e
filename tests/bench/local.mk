# Measurements; not part of the tests.
EXTRA_DIST += \
	%D%/fio-libiscsi.sh \
	%D%/qd32.sh
