# Unit tests: each folder of target/ adds its own to unit_tests.
include %D%/base.mk
include %D%/store.mk
include %D%/scsi.mk
include %D%/pdu.mk
include %D%/iscsi.mk
include %D%/iscsi_login.mk
include %D%/reactor.mk

if HAVE_CHECK
check_PROGRAMS += $(unit_tests)
endif
