# What an administrator installs. A configuration that is there already stays as it is.
EXTRA_DIST += \
	%D%/memloan.conf \
	%D%/memtgtd.conf \
	%D%/memtgtd.service.in \
	%D%/memtgtd.sysusers
# For hosts that borrow: an example, since only they can know whether they want it.
dist_pkgdata_DATA = %D%/60-memtgt-capacity.rules

# The unit knows where the program and its configuration are.
noinst_DATA = etc/memtgtd.service
CLEANFILES += etc/memtgtd.service
etc/memtgtd.service: %D%/memtgtd.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) etc && sed -e 's|@sbindir[@]|$(sbindir)|g' \
		-e 's|@sysconfdir[@]|$(sysconfdir)|g' "$(srcdir)/etc/memtgtd.service.in" >$@.new && \
		mv $@.new $@

if INSTALL_UNIT
unitdir = $(systemdsystemunitdir)
unit_DATA = etc/memtgtd.service
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
