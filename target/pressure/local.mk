# Sources of target/pressure.
target_libmemtgt_a_SOURCES += \
	%D%/pressure.c \
	%D%/pressure.h \
	%D%/watch.c \
	%D%/watch.h
