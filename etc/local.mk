# What an administrator installs. A configuration that is there already stays as it is.
EXTRA_DIST += %D%/memtgtd.conf
# For hosts that borrow: an example, since only they can know whether they want it.
dist_pkgdata_DATA = %D%/60-memtgt-capacity.rules

config_dir = $(DESTDIR)$(sysconfdir)/memtgt
config_file = $(config_dir)/memtgtd.conf

install-data-local:
	$(MKDIR_P) "$(config_dir)"
	test -e "$(config_file)" || \
		$(INSTALL_DATA) "$(srcdir)/etc/memtgtd.conf" "$(config_file)"

uninstall-local:
	if cmp -s "$(srcdir)/etc/memtgtd.conf" "$(config_file)"; then rm -f "$(config_file)"; fi
