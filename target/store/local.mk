# Sources of target/store.
target_libmemtgt_a_SOURCES += \
	%D%/adopt.c \
	%D%/ceiling.c \
	%D%/data.c \
	%D%/fill.c \
	%D%/host.c \
	%D%/host.h \
	%D%/internal.h \
	%D%/kept.c \
	%D%/lun.c \
	%D%/lun_record.c \
	%D%/numa.c \
	%D%/numa.h \
	%D%/pool.c \
	%D%/pool.h \
	%D%/pool_map.c \
	%D%/record.c \
	%D%/record.h \
	%D%/records.c \
	%D%/records.h \
	%D%/reserve.c \
	%D%/reserve.h \
	%D%/resize.c \
	%D%/retire.c \
	%D%/retire.h \
	%D%/slice.h \
	%D%/state.c \
	%D%/stats.c \
	%D%/store.c \
	%D%/store.h \
	%D%/table.c \
	%D%/table.h \
	%D%/threshold.c \
	%D%/threshold.h \
	%D%/touch.c \
	%D%/touch.h
