# What an administrator installs. A configuration that is there already stays as it is.
EXTRA_DIST += \
	%D%/memloan-agent.service.in \
	%D%/memloan-stop.service.in \
	%D%/memloan.conf \
	%D%/memloan.service.in \
	%D%/memloan.slice \
	%D%/memtgtd.conf \
	%D%/memtgtd.service.in \
	%D%/memtgtd.sysusers
# For hosts that borrow: examples, since only they can know whether they want them. memloan check --fix
# copies some.
dist_pkgdata_DATA = \
	%D%/60-memtgt-capacity.rules \
	%D%/60-memtgt-disk.rules \
	%D%/init-memloan.conf \
	%D%/iscsid-memloan.conf \
	%D%/lvm-memtgt.conf \
	%D%/multipath-memtgt.conf \
	%D%/sshd-memloan.conf

# Units know where the program and its configuration are.
units = etc/memtgtd.service
if HAVE_ISCSI
units += \
	etc/memloan-agent.service \
	etc/memloan-stop.service \
	etc/memloan.service
slices = $(srcdir)/etc/memloan.slice
endif
noinst_DATA = $(units)
CLEANFILES += $(units)
make_unit = $(AM_V_GEN)$(MKDIR_P) etc && sed -e 's|@sbindir[@]|$(sbindir)|g' \
	-e 's|@sysconfdir[@]|$(sysconfdir)|g' "$(srcdir)/$@.in" >$@.new && mv $@.new $@
etc/memtgtd.service: %D%/memtgtd.service.in Makefile
	$(make_unit)
etc/memloan-agent.service: %D%/memloan-agent.service.in Makefile
	$(make_unit)
etc/memloan-stop.service: %D%/memloan-stop.service.in Makefile
	$(make_unit)
etc/memloan.service: %D%/memloan.service.in Makefile
	$(make_unit)

if INSTALL_UNIT
unitdir = $(systemdsystemunitdir)
unit_DATA = $(units) $(slices)
install_sysusers = $(MKDIR_P) "$(DESTDIR)$(sysusersdir)" && \
	$(INSTALL_DATA) "$(srcdir)/etc/memtgtd.sysusers" "$(DESTDIR)$(sysusersdir)/memtgtd.conf"
uninstall_sysusers = rm -f "$(DESTDIR)$(sysusersdir)/memtgtd.conf"
else
install_sysusers = :
uninstall_sysusers = :
endif

config_dir = $(DESTDIR)$(sysconfdir)/memtgt
config_file = $(config_dir)/memtgtd.conf

install-data-local:
	$(MKDIR_P) "$(config_dir)"
	test -e "$(config_file)" || \
		$(INSTALL_DATA) "$(srcdir)/etc/memtgtd.conf" "$(config_file)"
	test -e "$(config_dir)/memloan.conf" || \
		$(INSTALL_DATA) "$(srcdir)/etc/memloan.conf" "$(config_dir)/memloan.conf"
	$(install_sysusers)

uninstall-local:
	if cmp -s "$(srcdir)/etc/memtgtd.conf" "$(config_file)"; then rm -f "$(config_file)"; fi
	if cmp -s "$(srcdir)/etc/memloan.conf" "$(config_dir)/memloan.conf"; then \
		rm -f "$(config_dir)/memloan.conf"; fi
	$(uninstall_sysusers)
