# Sources of target/upgrade.
target_libmemtgt_a_SOURCES += \
	%D%/exec.c \
	%D%/upgrade.c \
	%D%/upgrade.h
