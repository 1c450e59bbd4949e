# The program that asks a running memtgtd.
sbin_PROGRAMS += target/memtgtctl/memtgtctl
target_memtgtctl_memtgtctl_SOURCES = \
	%D%/bulk.c \
	%D%/bulk.h \
	%D%/call.c \
	%D%/call.h \
	%D%/command.c \
	%D%/command.h \
	%D%/main.c \
	%D%/pages.c \
	%D%/pages.h \
	%D%/show.c \
	%D%/show.h \
	%D%/takeover.c \
	%D%/takeover.h \
	%D%/transfer.c \
	%D%/transfer.h
target_memtgtctl_memtgtctl_CFLAGS = $(AM_CFLAGS) $(TARGET_WARN_CFLAGS)
target_memtgtctl_memtgtctl_LDADD = target/libmemtgt.a $(JANSSON_LIBS) $(ISAL_LIBS)
