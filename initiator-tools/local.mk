# The borrower's side: a library of all that memloan does, which the tests link too, and a main().
# Of memtgtd it uses base/ only, as memtgtctl does.
if HAVE_ISCSI
noinst_LIBRARIES += initiator-tools/libmemloan.a
sbin_PROGRAMS += initiator-tools/memloan
endif
initiator_tools_libmemloan_a_SOURCES = \
	%D%/answer.c \
	%D%/answer.h \
	%D%/command.c \
	%D%/command.h \
	%D%/commands.def \
	%D%/conf.c \
	%D%/conf.h \
	%D%/conf_keys.def \
	%D%/donor.c \
	%D%/donor.h \
	%D%/donors.c \
	%D%/donors.h \
	%D%/measure.c \
	%D%/measure.h \
	%D%/own.c \
	%D%/own.h \
	%D%/path.c \
	%D%/path.h \
	%D%/probe.c \
	%D%/probe.h \
	%D%/question.c \
	%D%/question.h \
	%D%/rank.c \
	%D%/rank.h \
	%D%/resolve.c \
	%D%/resolve.h \
	%D%/session.c \
	%D%/session.h \
	%D%/show.c \
	%D%/show.h \
	%D%/survey.c \
	%D%/survey.h
initiator_tools_libmemloan_a_CPPFLAGS = $(AM_CPPFLAGS) -DSYSCONFDIR='"$(sysconfdir)"'
initiator_tools_libmemloan_a_CFLAGS = $(AM_CFLAGS) $(TARGET_WARN_CFLAGS) $(ISCSI_CFLAGS)
memloan_libs = initiator-tools/libmemloan.a target/libmemtgt.a $(ISCSI_LIBS) $(JANSSON_LIBS) \
	$(CONFIG_LIBS)

initiator_tools_memloan_SOURCES = %D%/main.c
initiator_tools_memloan_CFLAGS = $(AM_CFLAGS) $(TARGET_WARN_CFLAGS)
initiator_tools_memloan_LDADD = $(memloan_libs)
