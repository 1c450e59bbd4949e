# Sources of target/base.
target_libmemtgt_a_SOURCES += \
	%D%/arena.c \
	%D%/arena.h \
	%D%/clock.h \
	%D%/config.c \
	%D%/config.h \
	%D%/config_addr.c \
	%D%/config_addr.h \
	%D%/config_check.c \
	%D%/config_keys.c \
	%D%/config_keys.h \
	%D%/config_lend.c \
	%D%/config_lexer.c \
	%D%/config_lexer.h \
	%D%/config_read.c \
	%D%/config_read.h \
	%D%/config_source.c \
	%D%/config_source.h \
	%D%/config_text.c \
	%D%/config_text.h \
	%D%/config_value.c \
	%D%/config_value.h \
	%D%/counters.c \
	%D%/counters.h \
	%D%/list.h \
	%D%/log.c \
	%D%/log.h \
	%D%/notify.c \
	%D%/notify.h \
	%D%/poison.h \
	%D%/proc.c \
	%D%/proc.h \
	target/tbl/config_keys.def \
	target/tbl/counters.def
