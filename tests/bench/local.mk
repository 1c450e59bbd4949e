# Measurements; not part of the tests.
EXTRA_DIST += \
	%D%/borrowed-memory.sh \
	%D%/fio-libiscsi.sh \
	%D%/qd32.sh \
	%D%/read-host.sh
