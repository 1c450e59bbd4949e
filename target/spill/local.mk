# Sources of target/spill.
target_libmemtgt_a_SOURCES += \
	%D%/luns.c \
	%D%/note.c \
	%D%/restore.c \
	%D%/spill.c \
	%D%/spill.h
