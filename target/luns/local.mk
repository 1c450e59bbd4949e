# Sources of target/luns.
target_libmemtgt_a_SOURCES += \
	%D%/change.c \
	%D%/claims.c \
	%D%/claims.h \
	%D%/claims_admin.c \
	%D%/held.c \
	%D%/held.h \
	%D%/kept.c \
	%D%/kept.h \
	%D%/label.c \
	%D%/label.h \
	%D%/lu.c \
	%D%/lu.h \
	%D%/luns.c \
	%D%/luns.h \
	%D%/pool.c \
	%D%/pool.h \
	%D%/scrub.c \
	%D%/scrub.h \
	%D%/transfer.c \
	%D%/transfer.h \
	%D%/used.c \
	%D%/used.h
