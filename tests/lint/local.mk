# Checks of the sources. Each tells how many things it looked at, and fails on none.
EXTRA_DIST += \
	%D%/check-config-man.sh \
	%D%/check-control-man.sh \
	%D%/check-cppcheck.sh \
	%D%/check-dist.sh \
	%D%/check-files.sh \
	%D%/check-format.sh \
	%D%/check-headers.sh \
	%D%/check-hostile.sh \
	%D%/check-layers.sh \
	%D%/check-loan-man.sh \
	%D%/check-man.sh \
	%D%/check-shell.sh \
	%D%/check-spelling.sh \
	%D%/check-words.sh \
	%D%/cppcheck-suppressions.txt
