# Sources of target/control.
target_libmemtgt_a_SOURCES += \
	%D%/socket.c \
	%D%/socket.h
