# A guest whose disks memtgtd serves.
#
# The hog runs in the guest, which may lack what the host's programs are linked with; and it is no
# part of memtgtd, so neither hardened nor sanitized.
check_PROGRAMS += tests/guest/hog
tests_guest_hog_CFLAGS = -std=gnu11 $(WARN_CFLAGS)
tests_guest_hog_LDFLAGS = -static
tests_guest_hog_LDADD =

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
