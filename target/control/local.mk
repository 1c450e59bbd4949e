# Sources of target/control.
target_libmemtgt_a_SOURCES += \
	%D%/clean.c \
	%D%/clean.h \
	%D%/client.c \
	%D%/client.h \
	%D%/methods.h \
	%D%/methods_claim.c \
	%D%/methods_daemon.c \
	%D%/methods_image.c \
	%D%/methods_lun.c \
	%D%/methods_pool.c \
	%D%/methods_session.c \
	%D%/methods_upgrade.c \
	%D%/param.c \
	%D%/param.h \
	%D%/protocol.c \
	%D%/protocol.h \
	%D%/rpc.c \
	%D%/rpc.h \
	%D%/service.c \
	%D%/service.h \
	%D%/socket.c \
	%D%/socket.h \
	target/tbl/control_errors.def \
	target/tbl/control_methods.def
