# Sources of target/state.
target_libmemtgt_a_SOURCES += \
	%D%/disk.c \
	%D%/file.c \
	%D%/file.h \
	%D%/impl.h \
	%D%/text.c
