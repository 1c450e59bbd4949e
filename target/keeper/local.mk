# Sources of target/keeper.
target_libmemtgt_a_SOURCES += \
	%D%/keeper.c \
	%D%/keeper.h \
	%D%/kept.c \
	%D%/kept.h \
	%D%/message.c \
	%D%/message.h \
	%D%/socket.c \
	%D%/socket.h \
	%D%/start.c \
	%D%/start.h
