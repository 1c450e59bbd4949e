# The borrower's side: a library of all that memloan does, which the tests link too, and a main().
# Of memtgtd it uses base/ only, as memtgtctl does.
if HAVE_ISCSI
noinst_LIBRARIES += initiator-tools/libmemloan.a
sbin_PROGRAMS += initiator-tools/memloan
endif
initiator_tools_libmemloan_a_SOURCES = \
	%D%/agent/agent.c \
	%D%/agent/agent.h \
	%D%/agent/array.c \
	%D%/agent/array.h \
	%D%/agent/fail.c \
	%D%/agent/fail.h \
	%D%/agent/judge.c \
	%D%/agent/judge.h \
	%D%/agent/leaving.c \
	%D%/agent/leaving.h \
	%D%/agent/mend.c \
	%D%/agent/mend.h \
	%D%/agent/metrics.c \
	%D%/agent/metrics.def \
	%D%/agent/metrics.h \
	%D%/agent/poller.c \
	%D%/agent/poller.h \
	%D%/agent/safety.c \
	%D%/agent/safety.h \
	%D%/agent/say.c \
	%D%/agent/say.h \
	%D%/agent/since.c \
	%D%/agent/since.h \
	%D%/agent/uevent.c \
	%D%/agent/uevent.h \
	%D%/agent/watch.c \
	%D%/agent/watch.h \
	%D%/answer.c \
	%D%/answer.h \
	%D%/asking.c \
	%D%/asking.h \
	%D%/check/area.c \
	%D%/check/area.h \
	%D%/check/block.c \
	%D%/check/block.h \
	%D%/check/check.c \
	%D%/check/check.h \
	%D%/check/cure.c \
	%D%/check/cure.h \
	%D%/check/finding.c \
	%D%/check/finding.h \
	%D%/check/findings.def \
	%D%/check/look_config.c \
	%D%/check/look_installed.c \
	%D%/check/look_memory.c \
	%D%/check/look_process.c \
	%D%/check/look_session.c \
	%D%/check/look_swap.c \
	%D%/check/process.c \
	%D%/check/process.h \
	%D%/check/sessions.c \
	%D%/check/sessions.h \
	%D%/check/setting.c \
	%D%/check/setting.h \
	%D%/check/tree.c \
	%D%/check/tree.h \
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
	%D%/guard.c \
	%D%/guard.h \
	%D%/host/child.c \
	%D%/host/child.h \
	%D%/host/claim.c \
	%D%/host/claim.h \
	%D%/host/claim_disk.c \
	%D%/host/commit.c \
	%D%/host/commit.h \
	%D%/host/disk.c \
	%D%/host/disk.h \
	%D%/host/dm.c \
	%D%/host/dm.h \
	%D%/host/foreign.c \
	%D%/host/foreign.h \
	%D%/host/inquire.c \
	%D%/host/inquire.h \
	%D%/host/lvm.c \
	%D%/host/lvm.h \
	%D%/host/lvm_report.c \
	%D%/host/lvm_report.h \
	%D%/host/node.c \
	%D%/host/node.h \
	%D%/host/outlive.c \
	%D%/host/outlive.h \
	%D%/host/sg.c \
	%D%/host/sg.h \
	%D%/host/swaps.c \
	%D%/host/swaps.h \
	%D%/host/tool.c \
	%D%/host/tool.h \
	%D%/loan/advance.c \
	%D%/loan/advance.h \
	%D%/loan/apply.c \
	%D%/loan/borrow.c \
	%D%/loan/choose.c \
	%D%/loan/choose.h \
	%D%/loan/commands.h \
	%D%/loan/group.c \
	%D%/loan/group.h \
	%D%/loan/label.c \
	%D%/loan/label.h \
	%D%/loan/left.c \
	%D%/loan/left.h \
	%D%/loan/list.c \
	%D%/loan/loan.c \
	%D%/loan/loan.h \
	%D%/loan/look.c \
	%D%/loan/look.h \
	%D%/loan/mirror.h \
	%D%/loan/move.c \
	%D%/loan/plan.c \
	%D%/loan/plan.h \
	%D%/loan/record.c \
	%D%/loan/record.h \
	%D%/loan/record_text.c \
	%D%/loan/remains.c \
	%D%/loan/remains.h \
	%D%/loan/resize.c \
	%D%/loan/return.c \
	%D%/loan/step.c \
	%D%/loan/step.h \
	%D%/loan/step_claim.c \
	%D%/loan/step_commit.c \
	%D%/loan/step_crypt.c \
	%D%/loan/step_disk.c \
	%D%/loan/step_disk.h \
	%D%/loan/step_group.c \
	%D%/loan/step_label.c \
	%D%/loan/step_login.c \
	%D%/loan/step_mirror.c \
	%D%/loan/step_size.c \
	%D%/loan/step_swap.c \
	%D%/loan/steps.def \
	%D%/loan/stop.c \
	%D%/loan/swap.h \
	%D%/loan/work.c \
	%D%/loan/work.h \
	%D%/measure.c \
	%D%/measure.h \
	%D%/own.c \
	%D%/own.h \
	%D%/own_luns.c \
	%D%/own_luns.h \
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
	%D%/secret.c \
	%D%/secret.h \
	%D%/session.c \
	%D%/session.h \
	%D%/show.c \
	%D%/show.h \
	%D%/survey.c \
	%D%/survey.h \
	%D%/vm/qmp.c \
	%D%/vm/qmp.h \
	%D%/vm/vm_copy.c \
	%D%/vm/vm_disk.c \
	%D%/vm/vm_disk.h \
	%D%/vm/vm_donor.c \
	%D%/vm/vm_donor.h \
	%D%/vm/vm_left.c \
	%D%/vm/vm_lun.c \
	%D%/vm/vm_lun.h \
	%D%/vm/vm_move.c \
	%D%/vm/vm_move.h \
	%D%/vm/vm_mover.c \
	%D%/vm/vm_mover.h
initiator_tools_libmemloan_a_CPPFLAGS = $(AM_CPPFLAGS) -DSYSCONFDIR='"$(sysconfdir)"' \
	-DPKGDATADIR='"$(pkgdatadir)"'
initiator_tools_libmemloan_a_CFLAGS = $(AM_CFLAGS) $(TARGET_WARN_CFLAGS) $(ISCSI_CFLAGS)
memloan_libs = initiator-tools/libmemloan.a target/libmemtgt.a $(ISCSI_LIBS) $(JANSSON_LIBS) \
	$(CONFIG_LIBS) $(CRYPTO_LIBS)

initiator_tools_memloan_SOURCES = %D%/main.c
initiator_tools_memloan_CFLAGS = $(AM_CFLAGS) $(TARGET_WARN_CFLAGS)
initiator_tools_memloan_LDADD = $(memloan_libs)

EXTRA_DIST += \
	%D%/completion.awk \
	%D%/memloan.conf.pod \
	%D%/memloan.pod

if HAVE_ISCSI
if HAVE_POD2MAN
loan_pages = \
	initiator-tools/memloan.8 \
	initiator-tools/memloan.conf.5
man_MANS += $(loan_pages)
CLEANFILES += $(loan_pages)
endif

# bash finds it by the program's name.
completiondir = $(datadir)/bash-completion/completions
completion_DATA = initiator-tools/completion/memloan
CLEANFILES += $(completion_DATA)
endif

initiator-tools/memloan.8: %D%/memloan.pod
	$(make_page) --section=8 --name=MEMLOAN $(srcdir)/initiator-tools/memloan.pod $@

initiator-tools/memloan.conf.5: %D%/memloan.conf.pod
	$(make_page) --section=5 --name=MEMLOAN.CONF $(srcdir)/initiator-tools/memloan.conf.pod $@

initiator-tools/completion/memloan: %D%/completion.awk %D%/commands.def
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(AWK) -f $(srcdir)/initiator-tools/completion.awk \
		$(srcdir)/initiator-tools/commands.def >$@.new && mv $@.new $@
