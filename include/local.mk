# What more than one program uses: wire integers, protocol structs, bounded reading.
target_libmemtgt_a_SOURCES += \
	%D%/memtgt/control.h \
	%D%/memtgt/cursor.h \
	%D%/memtgt/iscsi_proto.h \
	%D%/memtgt/wire.h
