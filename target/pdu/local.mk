# Sources of target/pdu.
target_libmemtgt_a_SOURCES += \
	%D%/digest.c \
	%D%/digest.h \
	%D%/pdu_rx.c \
	%D%/pdu_rx.h
