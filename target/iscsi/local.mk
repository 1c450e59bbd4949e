# Sources of target/iscsi.
target_libmemtgt_a_SOURCES += \
	%D%/admission.c \
	%D%/admission.h \
	%D%/directory.c \
	%D%/directory.h \
	%D%/handlers.def \
	%D%/key.c \
	%D%/key.h \
	%D%/keys.c \
	%D%/keys.h \
	%D%/live.c \
	%D%/live.h \
	%D%/login.c \
	%D%/login.h \
	%D%/node.h \
	%D%/params.h \
	%D%/pdu_data_out.c \
	%D%/pdu_login.c \
	%D%/pdu_logout.c \
	%D%/pdu_nop_out.c \
	%D%/pdu_scsi_cmd.c \
	%D%/pdu_text.c \
	%D%/pdu_tmf.c \
	%D%/reply.c \
	%D%/reset.c \
	%D%/send.c \
	%D%/sendtargets.c \
	%D%/sendtargets.h \
	%D%/session.c \
	%D%/session.h \
	%D%/survey.c \
	%D%/survey.h \
	%D%/task.c \
	%D%/task.h \
	%D%/text.c \
	%D%/text.h \
	%D%/worker.c
