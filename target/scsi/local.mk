# Sources of target/scsi.
target_libmemtgt_a_SOURCES += \
	%D%/attention.c \
	%D%/attention.h \
	%D%/capacity.c \
	%D%/change.c \
	%D%/data.c \
	%D%/data.h \
	%D%/defects.c \
	%D%/device.c \
	%D%/handlers.h \
	%D%/inquiry.c \
	%D%/limits.h \
	%D%/log_sense.c \
	%D%/lu.c \
	%D%/mode_sense.c \
	%D%/nexus.c \
	%D%/op.c \
	%D%/op.h \
	%D%/range.c \
	%D%/range.h \
	%D%/report_luns.c \
	%D%/report_opcodes.c \
	%D%/rw.c \
	%D%/scsi.h \
	%D%/sense.c \
	%D%/sense.h \
	%D%/stream.c \
	%D%/stream.h \
	%D%/unit.c \
	%D%/unmap.c \
	%D%/verify.c \
	%D%/vpd.c \
	%D%/vpd.h \
	%D%/write_same.c \
	target/tbl/scsi_attention.def \
	target/tbl/scsi_ops.def \
	target/tbl/scsi_sense.def
