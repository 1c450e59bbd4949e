# A guest whose disks memtgtd serves.
#
# What runs in the guest may lack what the host's programs are linked with; and it is no part of
# memtgtd, so neither hardened nor sanitized.
check_PROGRAMS += tests/guest/hog tests/guest/appmem
tests_guest_hog_CFLAGS = -std=gnu11 $(WARN_CFLAGS)
tests_guest_hog_LDFLAGS = -static
tests_guest_hog_LDADD =
appmem_parts = \
	%D%/app_hash.c \
	%D%/app_hash.h \
	%D%/app_random.h \
	%D%/app_sort.c \
	%D%/app_sort.h \
	%D%/app_times.c \
	%D%/app_times.h \
	%D%/app_touch.c \
	%D%/app_touch.h
tests_guest_appmem_SOURCES = $(appmem_parts) %D%/appmem.c
tests_guest_appmem_CFLAGS = -std=gnu11 $(WARN_CFLAGS)
tests_guest_appmem_LDFLAGS = -static
tests_guest_appmem_LDADD =

EXTRA_DIST += \
	%D%/build-image.sh \
	%D%/forwarder.py \
	%D%/initramfs.sh \
	%D%/inside \
	%D%/machine.py \
	%D%/packages.txt \
	%D%/processes.py \
	%D%/run-guest \
	%D%/scenarios \
	%D%/search.py \
	%D%/targets.py \
	%D%/vmdisk.py
