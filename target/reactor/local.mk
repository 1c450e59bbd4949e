# Sources of target/reactor.
target_libmemtgt_a_SOURCES += \
	%D%/conn.c \
	%D%/conn.h \
	%D%/conn_impl.h \
	%D%/engine.c \
	%D%/engine.h \
	%D%/engine_epoll.c \
	%D%/engine_impl.h \
	%D%/engine_uring.c \
	%D%/reactor.c \
	%D%/reactor.h \
	%D%/reactor_impl.h \
	%D%/rx.c \
	%D%/rx.h \
	%D%/listen.c \
	%D%/listen.h \
	%D%/sock.c \
	%D%/sock.h \
	%D%/tx.c \
	%D%/tx.h \
	%D%/uring.h \
	%D%/uring_open.c
